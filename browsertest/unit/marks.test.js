import assert from "node:assert/strict";
import { test } from "node:test";
import { Marks } from "../../telephony/mock/page/marks.js";

// A clock that stands still until it is told to go on.
class Clock {
  time = 0;
  due = [];
  now = () => this.time;
  after = (ms, f) => this.due.push({ at: this.time + ms, f });
  go(ms) {
    this.time += ms;
    for (const d of this.due.splice(0)) d.at <= this.time ? d.f() : this.due.push(d);
  }
}

function rig(latency) {
  const clock = new Clock(), sent = [];
  return { clock, sent, marks: new Marks((name) => sent.push(name), () => latency, clock) };
}

test("a mark waits until its audio has left the speaker", () => {
  const { clock, sent, marks } = rig(0.25);
  marks.played("a");
  clock.go(100);
  marks.played("b");
  clock.go(149);
  assert.deepEqual(sent, []);
  clock.go(1);
  assert.deepEqual(sent, ["a"]);
  clock.go(100);
  assert.deepEqual(sent, ["a", "b"]);
});

test("cleared marks go back at once, and behind those that were played", () => {
  const { clock, sent, marks } = rig(0.25);
  marks.played("a");
  marks.cleared("b");
  marks.cleared("c");
  assert.deepEqual(sent, ["a", "b", "c"]);
  marks.played("d");
  clock.go(250);
  assert.deepEqual(sent, ["a", "b", "c", "d"]);
});
