import assert from "node:assert/strict";
import { test } from "node:test";
import { Line, streamURL } from "../../telephony/mock/page/line.js";

// A socket without a network.
class Socket {
  readyState = 1;
  bufferedAmount = 0;
  sent = [];
  send = (text) => this.sent.push(JSON.parse(text));
  close = (code) => (this.closed = code ?? 1005);
}

function rig() {
  const socket = new Socket(), seen = [];
  const handler = (name) => (...args) => seen.push([name, ...args]);
  const handlers = Object.fromEntries(["open", "audio", "mark", "clear", "moment", "end"].map((name) => [name, handler(name)]));
  const line = new Line("ws://localhost/x", "call1", handlers, () => socket);
  return { line, socket, seen, say: (m) => socket.onmessage({ data: typeof m === "string" ? m : JSON.stringify(m) }) };
}

test("a stream begins as Twilio's does, and counts", () => {
  const { line, socket } = rig();
  socket.onopen();
  line.frame(new Float32Array(160));
  line.frame(new Float32Array(160));
  line.press("5");
  line.played("m1");
  line.hangUp();
  const [connected, start, first, second, dtmf, mark, stop] = socket.sent;
  assert.deepEqual(connected, { event: "connected", protocol: "Call", version: "1.0.0" });
  assert.match(start.start.callSid, /^CA[0-9a-f]{32}$/);
  assert.deepEqual(start.start.mediaFormat, { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 });
  assert.equal(Buffer.from(first.media.payload, "base64").toString("hex"), "ff".repeat(160));
  assert.deepEqual([first.media.chunk, first.media.timestamp, second.media.chunk, second.media.timestamp], ["1", "0", "2", "20"]);
  assert.deepEqual(dtmf.dtmf, { track: "inbound_track", digit: "5" });
  assert.deepEqual(mark.mark, { name: "m1" });
  assert.deepEqual([start, first, second, dtmf, mark, stop].map((m) => m.sequenceNumber), ["1", "2", "3", "4", "5", "6"]);
  for (const m of [start, first, dtmf, mark, stop]) assert.equal(m.streamSid, start.start.streamSid);
});

test("what cannot be read is dropped, and the call goes on", () => {
  const { line, socket, seen, say } = rig();
  socket.onopen();
  for (const bad of ["", "{", "null", "[]", '"clear"', '{"event":"clear"}', '{"event":"clear","streamSid":"MZother"}']) say(bad);
  const streamSid = line.streamSid;
  for (const bad of [{ event: "media" }, { event: "media", media: { payload: "***" } }, { event: "mark", mark: {} }, { event: "mark", mark: { name: 3 } }, { event: "moment" }, { event: "moment", moment: { kind: 1 } }, { event: "alive" }, { event: "later" }]) say({ ...bad, streamSid });
  assert.deepEqual(seen.map(([name]) => name), ["open"]);
  say({ event: "media", streamSid, media: { payload: "/38A" } });
  say({ event: "mark", streamSid, mark: { name: "m" } });
  say({ event: "clear", streamSid });
  say({ event: "moment", moment: { kind: "ready", ms: 0 } });
  assert.deepEqual(seen.map(([name]) => name), ["open", "audio", "mark", "clear", "moment"]);
  assert.equal(seen[1][1].length, 3);
});

test("a call ends once, and says how", () => {
  for (const [how, end] of [
    ["over", ({ socket }) => socket.onclose({ wasClean: true })],
    ["over", ({ socket }) => socket.onclose({ wasClean: false, code: 1000 })], // it said goodbye, and was reset
    ["lost", ({ socket }) => socket.onclose({ wasClean: false, code: 1006 })],
    ["hung up", ({ line }) => line.hangUp()],
    ["lost", ({ line, socket }) => ((socket.bufferedAmount = 1e6), line.frame(new Float32Array(160)))],
  ]) {
    const call = rig();
    call.socket.onopen();
    end(call);
    call.socket.onclose({ wasClean: true });
    assert.deepEqual(call.seen.filter(([name]) => name === "end"), [["end", how]]);
    call.line.frame(new Float32Array(160));
    assert.notEqual(call.socket.sent.at(-1).event, "media");
  }
  const never = rig();
  never.socket.onclose({ wasClean: false });
  assert.deepEqual(never.seen, [["end", "refused"]]);
});

test("a server that says nothing at all is gone after a while, and one that lives is not", (t) => {
  t.mock.timers.enable({ apis: ["Date"] });
  const { line, socket, seen, say } = rig();
  socket.onopen();
  for (let i = 0; i < 10; i++) {
    t.mock.timers.tick(4000);
    line.check();
    say({ event: "alive" });
  }
  assert.equal(line.ended, false);
  t.mock.timers.tick(15000);
  line.check();
  assert.equal(line.ended, false);
  t.mock.timers.tick(1);
  line.check();
  assert.deepEqual(seen.at(-1), ["end", "lost"]);
});

test("a link decides the token and nothing else", () => {
  assert.equal(streamURL("https://agent.example/phone/mock#token=x", "a.b"), "wss://agent.example/phone/voice/stream/a.b");
  assert.equal(streamURL("http://localhost:4545/mock?x=1", "//evil.example/?#"), "ws://localhost:4545/voice/stream/%2F%2Fevil.example%2F%3F%23");
});
