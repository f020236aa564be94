import assert from "node:assert/strict";
import { test } from "node:test";
import { load, request, say, serve, token } from "./fake.js";

const dialing = { ok: true, callId: "k3Q9x_2b-1", status: "dialing" };
const chat = {
  agentId: "main",
  sessionKey: "agent:main:main",
  messageChannel: "telegram",
  agentAccountId: "default",
  deliveryContext: { channel: "telegram", to: "telegram:12345", accountId: "default" },
};
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("a call is one request, with token, fresh key, arguments and origin", async (t) => {
  const agent = await serve(t, () => ({ body: dialing }));
  const { tools } = load({ url: agent.url, token }, chat);
  const { words, details } = await say(tools.call_agent, request);
  await say(tools.call_agent, request);
  const [one, two] = agent.requests;
  assert.equal(agent.requests.length, 2);
  assert.equal(one.method, "POST");
  assert.equal(one.path, "/tools/call_agent");
  assert.equal(one.headers.authorization, `Bearer ${token}`);
  assert.equal(one.headers["content-type"], "application/json");
  assert.match(one.headers["idempotency-key"], uuid);
  assert.notEqual(one.headers["idempotency-key"], two.headers["idempotency-key"]);
  assert.deepEqual(JSON.parse(one.body), {
    ...request,
    origin: { agentId: "main", sessionKey: "agent:main:main", channel: "telegram", to: "telegram:12345", accountId: "default" },
  });
  assert.match(words, /under way.*k3Q9x_2b-1.*dialing/);
  assert.match(words, /Nothing is agreed yet/);
  assert.deepEqual(details, { call: { callId: "k3Q9x_2b-1", status: "dialing" } });
});

test("the origin is the host's, whatever the assistant writes", async (t) => {
  const agent = await serve(t, () => ({ body: dialing }));
  for (const [context, origin] of [
    [{}, undefined],
    [{ agentId: "main", sessionKey: "agent:main:cron:1:run:2" }, { agentId: "main", sessionKey: "agent:main:cron:1:run:2" }],
    [{ messageChannel: "telegram", agentAccountId: "default" }, { channel: "telegram", accountId: "default" }],
    [{ sessionKey: "", agentId: 7, deliveryContext: null }, undefined],
    [{ sessionKey: "x".repeat(513) }, undefined],
  ]) {
    const { tools } = load({ url: agent.url, token }, context);
    await say(tools.call_agent, { ...request, origin: { channel: "telegram", to: "telegram:666" } });
    assert.deepEqual(JSON.parse(agent.requests.at(-1).body).origin, origin);
  }
});

test("the owner's defaults fill what the assistant leaves out, and nothing else", async (t) => {
  const agent = await serve(t, () => ({ body: dialing }));
  const defaults = { userName: "Alex Morgan", timezone: "America/Los_Angeles", durationMinutes: 45 };
  const { tools } = load({ url: agent.url, token, defaults });
  await say(tools.call_agent, { to: "+14155550123", goal: "g", timezone: null, userName: "Robin" });
  assert.deepEqual(JSON.parse(agent.requests[0].body), { ...defaults, to: "+14155550123", goal: "g", userName: "Robin" });
});

test("the address is found in every way people write it", async (t) => {
  const agent = await serve(t, () => ({ body: dialing }));
  for (const [config, path] of [
    [{ url: agent.url }, ""],
    [{ url: `${agent.url}/` }, ""],
    [{ url: ` ${agent.url}/tools ` }, ""],
    [{ url: `${agent.url}/tools/call_agent` }, ""],
    [{ url: `${agent.url}/phone/` }, "/phone"],
    [{ baseUrl: agent.url }, ""],
    [{ url: agent.url, baseUrl: "http://127.0.0.1:1" }, ""],
  ]) {
    const { tools, warnings } = load({ ...config, token });
    assert.deepEqual(warnings, []);
    await say(tools.call_agent, request);
    assert.equal(agent.requests.at(-1).path, `${path}/tools/call_agent`);
  }
});

test("arguments of wrong types go to the service as they are, which names each", async (t) => {
  const fields = { to: "must be a string", durationMinutes: "must be an integer, not string" };
  const agent = await serve(t, () => ({ status: 400, body: { ok: false, error: { code: "invalid_request", message: "The request has faults; mend each and send it again.", fields } } }));
  const { tools } = load({ url: agent.url, token });
  const { words, details } = await say(tools.call_agent, { to: 14155550123, goal: { a: 1 }, durationMinutes: "30", what: [] });
  assert.deepEqual(JSON.parse(agent.requests[0].body), { to: 14155550123, goal: { a: 1 }, durationMinutes: "30", what: [] });
  assert.match(words, /to must be a string; durationMinutes must be an integer, not string/);
  assert.match(words, /placed no call/);
  assert.deepEqual(details.problem.fields, fields);
  for (const [name, args] of ["call_agent", "call_agent_status", "call_agent_cancel"].flatMap((name) => [undefined, null, 7, "x", [1], true].map((args) => [name, args]))) {
    await say(tools[name], args);
    assert.equal(agent.requests.at(-1).body, "{}", `${name}(${JSON.stringify(args)})`);
  }
});

test("a lost answer is looked for under the same key, never under a foolish one", async (t) => {
  const agent = await serve(t, () => ({ body: dialing }));
  const { tools } = load({ url: agent.url, token });
  const requestId = crypto.randomUUID();
  await say(tools.call_agent, { ...request, requestId });
  assert.equal(agent.requests[0].headers["idempotency-key"], requestId);
  assert.deepEqual(JSON.parse(agent.requests[0].body), request);
  for (const foolish of ["", "a b", "x\r\nx: y", 7, {}, "x".repeat(65)]) {
    const { words } = await say(tools.call_agent, { ...request, requestId: foolish });
    assert.match(words, /requestId must be the id that an earlier answer named/);
  }
  assert.equal(agent.requests.length, 1);
});

test("what became of the dial is told as it is", async (t) => {
  let answer;
  const agent = await serve(t, () => ({ body: answer }));
  const { tools } = load({ url: agent.url, token });
  for (const [given, says, not] of [
    [{ ok: true, callId: "c", status: "failed", lastError: "21211: the number is invalid; correct it" }, /could not be made.*21211.*Nothing is booked/, /under way/],
    [{ ok: true, callId: "c", status: "queued", lastError: "waits for 08:00" }, /waits: waits for 08:00/, /could not/],
    [{ ok: true, callId: "c", status: "queued" }, /made by itself when it may be/, /could not/],
    [{ ok: true, callId: "c", status: "dialing", hint: "http://localhost:4545/mock#callId=c&token=x", streamUrl: "ws://secret" }, /opens http:\/\/localhost:4545\/mock#callId=c&token=x/, /ws:/],
    [preview, /Nothing was dialled and nothing booked.*"Hello, this is an AI assistant\.".*It would offer first: 2026-03-03T09:30:00-08:00\. .*not known: No prices/, /under way/],
    [{ ...preview, cost: { worstCaseUsd: 1.5 }, policy: { verdict: "waits", until: "2026-03-03T16:00:00Z", reason: "calling hours" } }, /at most 1\.5 USD\. It would not be dialled now, but wait until 2026-03-03T16:00:00Z: calling hours/, /under way/],
    [{ ok: true, dryRun: true }, /Nothing was dialled/, /undefined/],
  ]) {
    answer = given;
    const { words, details } = await say(tools.call_agent, request);
    assert.match(words, says);
    assert.doesNotMatch(words, not);
    assert.doesNotMatch(JSON.stringify(details), /ws:\/\/secret/);
    ungraded(details);
  }
});

const span = { timezone: "America/Los_Angeles", start: "2026-03-02T09:00:00-08:00", end: "2026-03-06T17:00:00-08:00" };
const preview = {
  ok: true,
  dryRun: true,
  to: "+1******0123",
  opening: "Hello, this is an AI assistant.",
  window: { owner: span, callee: span },
  slots: [{ start: "2026-03-03T09:30:00-08:00", end: "2026-03-03T10:00:00-08:00" }],
  cost: { worstCaseUsd: null, reason: "No prices are configured, so no amount can be computed." },
  policy: { verdict: "allowed" },
};

// ungraded: hosts judge an invocation by these names at the top of details.
export function ungraded(details) {
  for (const name of ["status", "ok", "success", "error", "timedOut", "exitCode"]) assert.equal(name in details, false, name);
}
