import assert from "node:assert/strict";
import { test } from "node:test";
import { Playout } from "../../telephony/mock/page/playout.js";

// rig is a buffer and what it reported, each with the time in samples.
function rig(options) {
  const reports = [];
  const playout = new Playout((mark, cleared) => reports.push([mark, playout.now, cleared]), options);
  return { playout, reports, take: (n) => Array.from({ length: n }, () => playout.take()) };
}

const samples = (n, from = 1) => Float32Array.from({ length: n }, (_, i) => from + i);

test("audio is played in order, without a sample lost or added", () => {
  const { playout, take } = rig({ cushion: 0 });
  playout.receive({ samples: samples(160) });
  playout.receive({ samples: samples(160, 161) });
  assert.deepEqual(take(320), [...samples(320)]);
  assert.deepEqual(take(3), [0, 0, 0]);
});

test("speech begins when the cushion is full, and what is shorter waits no longer than it", () => {
  const { playout, take } = rig({ cushion: 480 });
  playout.receive({ samples: samples(160) });
  assert.ok(take(100).every((x) => x === 0));
  playout.receive({ samples: samples(320, 161) });
  assert.deepEqual(take(2), [1, 2]);
  const short = rig({ cushion: 480 });
  short.playout.receive({ samples: samples(160) });
  const out = short.take(700);
  assert.equal(out.indexOf(1), 480);
  assert.deepEqual(out.slice(480, 640), [...samples(160)]);
});

test("jitter below the cushion makes no gap", () => {
  const { playout, take } = rig({ cushion: 480 });
  const heard = [];
  let next = 1;
  for (const late of [0, 0, 0, 300, 20, 420, 0, 470, 100, 0]) { // each frame is so many samples late
    heard.push(...take(late));
    playout.receive({ samples: samples(160, next) });
    next += 160;
    if (late === 0) continue;
    for (let owed = Math.floor(late / 160); owed > 0; owed--) {
      playout.receive({ samples: samples(160, next) });
      next += 160;
    }
  }
  heard.push(...take(3000));
  const spoken = heard.slice(heard.indexOf(1), heard.indexOf(next - 1) + 1);
  assert.deepEqual(spoken, [...samples(next - 1)]);
});

test("a mark comes back when the last sample before it has left, and not before", () => {
  const { playout, reports, take } = rig({ cushion: 0, lag: 37 });
  playout.receive({ samples: samples(160) });
  playout.receive({ mark: "a" });
  playout.receive({ samples: samples(80) });
  playout.receive({ mark: "b" });
  take(160 + 36);
  assert.deepEqual(reports, []);
  take(1);
  assert.deepEqual(reports, [["a", 160 + 37, false]]);
  take(79);
  assert.equal(reports.length, 1);
  take(1);
  assert.deepEqual(reports[1], ["b", 240 + 37, false]);
});

test("a mark after everything was played comes back at once", () => {
  const { playout, reports, take } = rig({ cushion: 0, lag: 10 });
  playout.receive({ mark: "first" });
  assert.deepEqual(reports, [["first", 0, false]]);
  playout.receive({ samples: samples(10) });
  take(100);
  playout.receive({ mark: "late" });
  assert.deepEqual(reports[1], ["late", 100, false]);
});

test("marks come back in the order in which they came", () => {
  const { playout, reports, take } = rig({ cushion: 240, lag: 37 });
  const names = [];
  for (let i = 0; i < 50; i++) {
    if (i % 3) playout.receive({ samples: samples(1 + ((i * 37) % 200)) });
    playout.receive({ mark: "m" + i });
    names.push("m" + i);
    take((i * 53) % 150);
  }
  take(20000);
  assert.deepEqual(reports.map(([name]) => name), names);
});

test("clear drops everything at once and returns all marks", () => {
  const { playout, reports, take } = rig({ cushion: 0, lag: 37 });
  playout.receive({ samples: samples(160) });
  playout.receive({ mark: "heard" });
  playout.receive({ samples: samples(8000) });
  playout.receive({ mark: "half" });
  playout.receive({ samples: samples(8000) });
  playout.receive({ mark: "never" });
  take(1000);
  playout.receive({ clear: true });
  assert.deepEqual(reports.map(([name, , cleared]) => [name, cleared]), [["heard", false], ["half", true], ["never", true]]);
  assert.ok(take(500).every((x) => x === 0));
  assert.equal(playout.speaking, false);
  playout.receive({ samples: samples(5) });
  assert.deepEqual(take(5), [1, 2, 3, 4, 5]);
});

test("a clear with nothing to clear is nothing", () => {
  const { playout, reports } = rig();
  playout.receive({ clear: true });
  assert.deepEqual(reports, []);
});

test("more than it may hold is dropped, and its marks still come back", () => {
  const { playout, reports, take } = rig({ cushion: 0, longest: 300 });
  playout.receive({ samples: samples(200) });
  playout.receive({ samples: samples(200) });
  playout.receive({ mark: "m" });
  playout.receive({ samples: new Float32Array(0) });
  assert.equal(take(400).filter((x) => x !== 0).length, 200);
  assert.equal(reports.length, 1);
});

test("it is speaking until the last sample has left", () => {
  const { playout, take } = rig({ cushion: 0, lag: 37 });
  assert.equal(playout.speaking, false);
  playout.receive({ samples: samples(100) });
  take(100 + 36);
  assert.equal(playout.speaking, true);
  take(1);
  assert.equal(playout.speaking, false);
});
