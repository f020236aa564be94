// The same plugin, unchanged, in clawdbot 2026.1.24: tools without a model, and a message in
// a chat that becomes a call whose end is told in the chat. Run by hand
// (make test-clawdbot-2026-1); docs/clawdbot.md keeps the record.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { callAgent } from "../openclaw/agent.js";
import { brain } from "../openclaw/brain.js";
import { front } from "../openclaw/front.js";
import { freePort } from "../freeport.mjs";
import { environment, invoke, start } from "../openclaw/gateway.js";
import { model, providers } from "../openclaw/model.js";
import { telegram } from "../openclaw/telegram.js";

const root = resolve(import.meta.dirname, "../..");
const gatewayToken = "gateway-token-0123456789";
const hooksToken = "hooks-token-0123456789";
const toolToken = "tool-token-0123456789";
const owner = "12345";
const dentist = { to: "+14155550123", goal: "Book a check-up.", durationMinutes: 30, userName: "Alex Morgan", calleeName: "Bright Smile Dental" };

let home, chat, mind, agent, toHooks, gateway;

before(async () => {
  home = mkdtempSync(join(tmpdir(), "call-agent-clawdbot-"));
  chat = await telegram();
  mind = await model(brain([["call my dentist", { tool: "call_agent", args: dentist }]]));
  const [port, agentPort] = [await freePort("127.0.0.1"), await freePort("127.0.0.1")];
  toHooks = await front(`http://127.0.0.1:${port}`);
  agent = await callAgent({ binary: join(root, "bin/callagent"), home: join(home, "agent"), port: agentPort, token: toolToken, hooksUrl: `${toHooks.url}/hooks`, hooksToken });
  gateway = await start({
    command: [process.execPath, join(process.env.OPENCLAW_MODULES, "clawdbot/dist/entry.js")],
    home,
    port,
    env: { ...environment(home, "CLAWDBOT"), NODE_OPTIONS: `--import ${join(import.meta.dirname, "telegram-here.js")}`, TELEGRAM_STUB: chat.url },
    config: configuration(port, agent.base),
    ready: async (base) => (await fetch(`${base}/tools/invoke`, { method: "POST" })).status === 401,
  });
  console.log(`gateway ready after ${(gateway.readyAfter / 1000).toFixed(1)} s`);
});

after(async () => {
  await gateway?.stop();
  await agent?.stop();
  for (const stub of [chat, mind, toHooks]) await stub?.close();
  if (process.env.KEEP) console.log(`kept: ${home}`);
  else rmSync(home, { recursive: true, force: true });
});

function configuration(port, url) {
  return {
    gateway: { mode: "local", port, bind: "loopback", auth: { mode: "token", token: gatewayToken } },
    update: { checkOnStart: false },
    models: { providers: providers(mind.url) },
    agents: { defaults: { model: { primary: "stub/stub" }, workspace: join(home, "workspace"), skipBootstrap: true } },
    channels: { telegram: { enabled: true, botToken: "123456:stub", dmPolicy: "allowlist", allowFrom: [owner] } },
    hooks: { enabled: true, token: hooksToken },
    plugins: {
      load: { paths: [join(root, "clawdbot")] },
      entries: { "call-agent": { enabled: true, config: { url, token: toolToken, timeoutSeconds: 5 } } },
    },
  };
}

const ask = async (tool, args) => {
  const { status, body } = await invoke(gateway.base, gatewayToken, tool, args);
  assert.equal(status, 200, JSON.stringify(body));
  console.log(`/tools/invoke ${tool} ${JSON.stringify(args)}\n  ${body.result.content[0].text.replaceAll("\n", "\n  ")}`);
  return body.result;
};

async function until(what, found) {
  for (const end = Date.now() + 90_000; Date.now() < end; await sleep(200)) {
    const it = await found();
    if (it) return it;
  }
  return assert.fail(`${what} did not come about; see ${home}`);
}

test("/tools/invoke answers for each tool", async () => {
  const placed = await ask("call_agent", { ...dentist, to: "+14155550124" });
  const { callId } = placed.details.call;
  assert.match(placed.content[0].text, /under way/);
  assert.match((await ask("call_agent_status", { callId })).content[0].text, /not over/);
  assert.match((await ask("call_agent_status", { callId: 7 })).content[0].text, /callId must be a string/);
  assert.match((await ask("call_agent", { to: 1, goal: [], durationMinutes: "30" })).content[0].text, /durationMinutes must be an integer/);
  assert.match((await ask("call_agent_cancel", { callId })).content[0].text, /being stopped|is over/);
});

test("a message in the chat becomes a call, and the chat is told how it ended", async () => {
  chat.say(owner, "Please call my dentist.");
  const begun = await until("the assistant's answer", () => chat.sent.find((m) => m.text.includes("under way")));
  const callId = begun.text.match(/callId ([\w-]+)/)[1];
  const call = await until("the notice", async () => {
    const { call } = await agent.tool("call_agent_status", { callId });
    return call.notification && call.notification.state !== "pending" && call;
  });
  assert.equal(call.outcome, "booked");
  assert.equal(call.request.origin.sessionKey, "agent:main:main");
  const post = toHooks.passed.find((p) => p.body.includes(callId));
  assert.equal(post.status, 202);
  const notice = await until("the notification", () => chat.sent.find((m) => m.text.includes("Appointment booked") && m.text.includes(callId)));
  assert.equal(notice.chat, owner);
  console.log(`origin ${JSON.stringify(call.request.origin)}\nhook   ${post.body} → ${post.status}\nchat   ${notice.text}`);
});

test("the plugin loads without a complaint", () => {
  const log = readFileSync(join(home, "gateway.log"), "utf8");
  assert.doesNotMatch(log, /plugin id mismatch|call-agent.*(failed|error|invalid)/i);
});
