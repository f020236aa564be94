import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Conversation, proof } from "../../internal/console/page/conversation.js";
import { note, sentence } from "../../internal/console/page/entry.js";
import * as words from "../../internal/console/page/words.js";
import { Zoom } from "../../internal/console/page/zoom.js";
import { bookingTalk } from "../console/calls.js";

const conversation = (lines, more = {}) => new Conversation({ attempt: 1, lines: lines.map((line, i) => ({ n: i + 1, ...line })), ...more });
const text = (c) => c.entries.map((e) => (e.kind === "speech" ? `${e.speaker}: ${e.text}` : e.kind));

test("a booking call, as it is kept", () => {
  const c = new Conversation(bookingTalk().timeline());
  assert.equal(c.complete, true);
  assert.deepEqual(c.entries.filter((e) => e.kind === "tool").map((e) => [e.name, e.ms, e.answer !== undefined]), [["calendar_find_slots", 1380, true], ["calendar_check_slot", 210, true], ["calendar_create_event", 640, true]]);
  assert.deepEqual(c.entries.filter((e) => e.latency !== undefined).map((e) => e.latency), [700, 350, 2340, 820, 880], "each turn has its latency");
  assert.equal(c.entries.filter((e) => e.cutAfter !== undefined).length, 1);
  assert.equal(c.bargeIns.length, 1);
  assert.ok(c.entries.every((e, i) => i === 0 || c.entries[i - 1].at <= e.at), "in order of time");
  assert.ok(c.spans.callee.every((s) => s.to > s.from) && c.spans.agent.every((s) => s.to > s.from));
  assert.deepEqual(c.talking(1500), ["callee"]);
  assert.ok(c.levels.callee.loudest(900, 2000) > 40 && c.levels.agent.loudest(900, 2000) < 10);
});

test("lines that come as it happens make the same as all at once", () => {
  const { lines, ...rest } = bookingTalk().timeline();
  const all = new Conversation({ lines, ...rest }), one = new Conversation({ attempt: 1 });
  for (const line of lines) one.add(line), one.add(line); // a stream that came back may say a line again
  const plain = (c) => JSON.stringify(c.entries.map(({ key, ...e }) => e));
  assert.equal(plain(one), plain(all));
  assert.equal(one.last, lines.length);
  assert.ok(Math.abs(one.durationMs - all.durationMs) < 500);
});

test("words come late, in part, and after they were cut", () => {
  const c = conversation([
    { atMs: 1000, kind: "agent_started", item: "a" }, { atMs: 1900, kind: "agent_stopped", item: "a", ms: 900, name: "cut" },
    { atMs: 1950, kind: "transcript", speaker: "callee", item: "c", text: "Stop" }, { atMs: 900, kind: "transcript", speaker: "agent", item: "a", text: "I would" }, { atMs: 1000, kind: "transcript", speaker: "agent", item: "a", text: "I would like" },
  ]);
  assert.deepEqual(text(c), ["agent: I would like", "callee: Stop"]);
  assert.equal(note(c.entries[0]), "interrupted after 0.9 s");
});

test("the agent's words stand where the phone plays them, the callee's where they began", () => {
  const lines = [
    { atMs: 600, kind: "callee_started" }, { atMs: 1500, kind: "callee_stopped" }, { atMs: 1700, kind: "first_audio", ms: 200 }, { atMs: 1800, kind: "agent_started", item: "a" }, { atMs: 1710, kind: "transcript", speaker: "agent", item: "a", text: "one" },
    { atMs: 2300, kind: "first_audio" }, { atMs: 1520, kind: "transcript", speaker: "callee", item: "c", text: "hello" }, { atMs: 2310, kind: "transcript", speaker: "agent", item: "b", text: "two" },
    { atMs: 3700, kind: "agent_stopped", item: "a", ms: 1900, name: "played" }, { atMs: 3690, kind: "agent_started", item: "b" }, { atMs: 3650, kind: "callee_started" },
  ];
  const c = conversation(lines);
  assert.deepEqual(c.entries.map((e) => [e.at, e.text, e.latency]), [[600, "hello", undefined], [1800, "one", 200], [3690, "two", undefined]]);
  assert.equal(proof([c], { quote: "not these words", atMs: 1520 }).entry.text, "hello");
  assert.deepEqual(c.latencies.map((l) => l.ms), [200], "who speaks on has not waited");
});

test("what is not known, or makes no sense, is borne", () => {
  const c = conversation([
    { atMs: 0, kind: "later" }, { atMs: 5, kind: "callee_stopped" }, { atMs: 9, kind: "tool_answered", name: "x", ms: 1 }, { atMs: 10, kind: "callee_started" }, { atMs: 20, kind: "callee_started" },
    { atMs: 30, kind: "levels", callee: [300, -5, "a"] }, { atMs: 1e12, kind: "levels", callee: [1] }, { atMs: 40, kind: "tool_called" }, { atMs: 50, kind: "transcript", speaker: "agent" }, { atMs: 60, kind: "ended", name: "model_lost" },
  ]);
  assert.deepEqual(c.spans.callee, [{ from: 10, to: 20 }, { from: 20, to: 60 }]);
  assert.equal(c.levels.callee.loudest(0, 200), 100);
  assert.deepEqual(c.entries.map(sentence), [" …", "", "The conversation ended: the voice model was lost"]);
});

test("two tools at once are told apart by the model's ids, and without them by their names", () => {
  const c = conversation([
    { atMs: 1, kind: "tool_called", name: "t", item: "1", data: { a: 1 } }, { atMs: 2, kind: "tool_called", name: "t", item: "2" }, { atMs: 3, kind: "tool_answered", name: "t", item: "2", ms: 1, data: [] },
    { atMs: 4, kind: "tool_called", name: "u" }, { atMs: 5, kind: "tool_answered", name: "u", ms: 1 },
  ]);
  assert.deepEqual(c.tools.map((t) => t.to), [undefined, 3, 5]);
});

test("a quote leads to the words that hold it, of those the nearest", () => {
  const c = conversation([1000, 9000, 20_000].map((atMs, i) => ({ atMs, kind: "transcript", speaker: "callee", item: "i" + i, text: ["Yes, that is right.", "Hm.", "Yes – that is RIGHT, thank you."][i] })));
  const at = (quote, atMs) => proof([c], { quote, atMs })?.entry.at;
  assert.equal(at("yes, that is right", 19_000), 20_000);
  assert.equal(at("Yes, that is right.", 0), 1000);
  assert.equal(at("never said so", 9500), 9000, "transcripts differ; the time does not");
  assert.equal(at("never said so", 60_000), undefined);
  assert.equal(at("", 60_000), undefined);
});

test("one can look at a moment of two hours, and come back", () => {
  const zoom = new Zoom();
  zoom.grow(7_200_000);
  assert.deepEqual([zoom.all, zoom.ticks(1000)[1] - zoom.ticks(1000)[0]], [true, 900_000]);
  for (let i = 0; i < 20; i++) zoom.by(2, 3_600_000);
  assert.equal(zoom.span, 2000);
  assert.ok(zoom.from < 3_600_000 && zoom.to > 3_600_000);
  assert.ok(Math.abs(zoom.ms(zoom.x(3_600_500, 800), 800) - 3_600_500) < 1e-6);
  zoom.reveal(10);
  assert.equal(zoom.from, 0);
  zoom.show(1e9);
  assert.equal(zoom.to, 7_200_000);
  zoom.by(1 / 1e9);
  assert.equal(zoom.all, true);
});

test("a call that grows is seen whole, or to its end, or where one looks", () => {
  const zoom = new Zoom();
  zoom.grow(5000);
  assert.equal(zoom.span, 20_000, "a call that has just begun is not drawn large");
  zoom.grow(60_000);
  assert.equal(zoom.all, true);
  zoom.by(4, 60_000);
  zoom.grow(70_000);
  assert.equal(zoom.to, 70_000);
  zoom.show(0);
  zoom.grow(80_000);
  assert.equal(zoom.from, 0);
});

test("every word of the server's closed lists has one of ours", () => {
  const go = (file) => readFileSync(new URL("../../" + file, import.meta.url), "utf8");
  const values = (source, type) => [...source.matchAll(new RegExp(`\\b\\w+\\s+${type}\\s+= "(\\w+)"`, "g"))].map((m) => m[1]);
  for (const code of values(go("call/reason.go"), "EndReason")) assert.notEqual(words.reason(code), code.replaceAll("_", " "), code);
  for (const code of values(go("call/steps.go"), "Stage")) assert.notEqual(words.stage(code), code);
  const states = go("call/call.go");
  assert.deepEqual(values(states, "Status").sort(), Object.keys(words.statuses).sort());
  assert.deepEqual(values(states, "Outcome").sort(), Object.keys(words.outcomes).sort());
  assert.deepEqual(values(go("call/notice.go"), "NoticeState").sort(), Object.keys(words.notices).sort());
  assert.ok(values(go("call/reason.go"), "EndReason").length > 25);
});
