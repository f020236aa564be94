import assert from "node:assert/strict";
import { test } from "node:test";
import { Api, isCallId } from "../../internal/console/page/api.js";
import { assemble, form, whole } from "../../internal/console/page/recording.js";

const json = (status, body, headers = {}) => new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });

function api({ answer, tokens = [], token = "" }) {
  const seen = { asked: [], why: [], kept: [] };
  const made = new Api({
    base: "http://host/prefix/", token,
    ask: async (reason) => (seen.why.push(reason), tokens.shift()),
    keep: (t) => seen.kept.push(t),
    fetch: async (url, options) => (seen.asked.push({ url: String(url), ...options }), answer(options.headers.Authorization, seen.asked.length)),
  });
  return { made, seen };
}

test("no token is asked for where something in front puts one in", async () => {
  const { made, seen } = api({ answer: () => json(200, { ok: true, calls: [] }) });
  assert.deepEqual(await made.calls(new URLSearchParams({ to: "+1415" })), { ok: true, calls: [] });
  assert.equal(seen.asked[0].url, "http://host/prefix/calls?to=%2B1415");
  assert.equal("Authorization" in seen.asked[0].headers, false);
  assert.deepEqual([seen.why, seen.kept], [[], [""]]);
});

test("a token is asked for until the server takes it, once for all who wait, and anew when it expires", async () => {
  let good = "right";
  const { made, seen } = api({ tokens: ["wrong", "right", "newer"], answer: (auth) => (auth === "Bearer " + good ? json(200, { ok: true }) : json(401, { ok: false })) });
  await Promise.all([made.call("a"), made.call("b")]);
  assert.deepEqual(seen.why, ["none", "refused"]);
  assert.deepEqual(seen.kept, ["right"]);
  good = "newer";
  await made.call("a");
  assert.deepEqual(seen.why, ["none", "refused", "expired"]);
});

test("what goes wrong is told in words", async () => {
  const told = async (answer) => api({ answer }).made.call("a").then(() => "no error", (p) => `${p.code} ${p.passes} ${p.message}`);
  assert.equal(await told(() => json(403, { error: { code: "forbidden", message: "The token needs the scope read." } })), "forbidden false The token needs the scope read.");
  assert.match(await told(() => new Response("<h1>Bad gateway", { status: 502 })), /^strange true The server answered 502/);
  assert.match(await told(() => new Response("<h1>Welcome")), /^strange .*not the call agent/);
  assert.match(await told(() => { throw new TypeError("Failed to fetch"); }), /^unreachable true /);
  assert.match(await told(() => Object.defineProperty(new Response(null), "type", { value: "opaqueredirect" })), /^login false .*Reload/);
});

test("an id never leads out of its place", async () => {
  for (const id of ["../tools", "a/b", "..", "a?b", "%2e%2e", "a#b", "", "é", "a".repeat(129)]) assert.equal(isCallId(id), false, id);
  assert.equal(isCallId("FBsEyhmX4u_Qi-8R"), true);
  const { made, seen } = api({ answer: () => json(200, {}) });
  await made.call("../x?y#z");
  assert.equal(seen.asked[0].url, "http://host/prefix/calls/..%2Fx%3Fy%23z");
});

// served answers ranges of a file, at most so many bytes of each.
const served = (file, { most = Infinity, end = file.length, total = file.length, asked = [] } = {}) => async (from, to) => {
  asked.push(from);
  const until = Math.min(from + most, to + 1, end);
  if (total === 0) return new Response(file);
  return new Response(file.subarray(from, Math.max(from, until)), { status: 206, headers: { "Content-Range": `bytes ${from}-${until - 1}/${total}` } });
};

function wav(sound, claimed = sound, { rate = 16_000, extra = 0 } = {}) {
  const bytes = Buffer.alloc(44 + extra + sound, 1);
  bytes.write("RIFF", 0), bytes.writeUInt32LE(Math.min(36 + extra + claimed, 0xffffffff), 4), bytes.write("WAVEfmt ", 8), bytes.writeUInt32LE(16, 16), bytes.writeUInt16LE(7, 20), bytes.writeUInt16LE(2, 22), bytes.writeUInt32LE(8000, 24), bytes.writeUInt32LE(rate, 28);
  bytes.writeUInt16LE(2, 32), bytes.writeUInt16LE(8, 34);
  if (extra) bytes.write("fact", 36), bytes.writeUInt32LE(extra - 8, 40);
  bytes.write("data", 36 + extra), bytes.writeUInt32LE(claimed, 40 + extra);
  return new Uint8Array(bytes);
}
const joined = (parts) => Buffer.concat(parts.map((p) => Buffer.from(p)));

test("a recording is put together of what the server gives at a time", async () => {
  const file = wav(1_000_000), asked = [], seen = [];
  const got = await assemble(served(file, { most: 300_000, asked }), { progress: (size) => seen.push(size) });
  assert.deepEqual(asked, [0, 300_000, 600_000, 900_000]);
  assert.deepEqual(seen, [300_000, 600_000, 900_000, 1_000_044]);
  const made = whole(got);
  assert.deepEqual(joined(made.parts), Buffer.from(file));
  assert.deepEqual([made.durationMs, made.missing], [62_500, false]);
});

test("a server that answers all at once is understood", async () => {
  const file = wav(5000);
  const got = await assemble(async () => new Response(file, { status: 200 }));
  assert.deepEqual(joined(whole(got).parts), Buffer.from(file));
});

test("what is cut short is made playable, and said to be", async () => {
  const file = wav(32_000);
  const stopped = whole(await assemble(served(file, { most: 10_000, end: 16_044 })));
  assert.deepEqual([stopped.durationMs, stopped.missing], [1000, true]);
  assert.equal(form(joined(stopped.parts)).claimed, 16_000, "the head claims what there is");
  const claims = whole(await assemble(served(wav(16_000, 64_000))));
  assert.deepEqual([claims.durationMs, claims.missing], [1000, true]);
  const open = whole(await assemble(served(wav(16_000, 0xffffffff))));
  assert.deepEqual([open.durationMs, open.missing], [1000, false]);
  const chunk = whole(await assemble(served(wav(16_000, 16_000, { extra: 12 }))));
  assert.deepEqual([chunk.durationMs, chunk.missing], [1000, false]);
});

test("what is no recording is none, and an answer out of place is refused", async () => {
  for (const file of [new Uint8Array(), new Uint8Array(10), new Uint8Array(100), wav(100, 100, { rate: 0 })]) assert.equal(whole(await assemble(served(file))), undefined);
  await assert.rejects(assemble(async () => new Response(new Uint8Array(5), { status: 206, headers: { "Content-Range": "bytes 10-14/100" } })), /another part/);
});
