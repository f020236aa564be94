import assert from "node:assert/strict";
import { test } from "node:test";
import { Follower } from "../../internal/console/page/follow.js";
import { EventParser } from "../../internal/console/page/sse.js";

const told = (parser, text) => parser.push(text).map(({ event, data, id }) => [event, data, id]);

test("events are read wherever the network cuts them", () => {
  const stream = "\ufeffretry: 2000\n\n: a comment\nid: 1\nevent: queued\ndata: {\"a\":1}\n\ndata:two\r\ndata: lines\r\n\r\nevent: nothing\n\nid: 7\ndata\n\nid\ndata: x\r\rdata: never ended";
  const want = [["queued", "{\"a\":1}", "1"], ["message", "two\nlines", "1"], ["message", "", "7"], ["message", "x", ""]];
  assert.deepEqual(told(new EventParser(), stream), want);
  for (let size = 1; size < 12; size++) {
    const parser = new EventParser(), all = [];
    for (let at = 0; at < stream.length; at += size) all.push(...told(parser, stream.slice(at, at + size)));
    assert.deepEqual(all, want, `in pieces of ${size}`);
    assert.equal(parser.retry, 2000);
  }
});

test("fields that mean nothing change nothing", () => {
  const parser = new EventParser();
  assert.deepEqual(told(parser, "retry: soon\nid: a\0b\nfoo: bar\nDATA: x\n\ndata: y\n\n"), [["message", "y", ""]]);
  assert.equal(parser.retry, undefined);
});

// Hand is a clock that a test moves.
class Hand {
  constructor() {
    this.at = 0;
    this.timers = new Map();
    this.Date = { now: () => this.at };
    this.setTimeout = (run, ms) => (this.timers.set(++this.last, { run, at: this.at + ms }), this.last);
    this.clearTimeout = (id) => this.timers.delete(id);
    this.last = 0;
  }

  async move(ms) {
    for (const end = this.at + ms; ; ) {
      await settle();
      const [id, next] = [...this.timers].sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
      if (!next || next.at > end) return (this.at = end), settle();
      this.timers.delete(id);
      this.at = Math.max(this.at, next.at);
      next.run();
    }
  }
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

// followed is a follower with a server in the test's hand.
function followed({ fails = () => true, refuse } = {}) {
  const clock = new Hand(), seen = { events: [], states: [], opened: [], refuse };
  const follower = new Follower({
    async open(lastId, signal) {
      const connection = { lastId, signal };
      seen.opened.push(connection);
      if (seen.refuse) throw seen.refuse;
      if (seen.over) return { status: 204 };
      const body = new ReadableStream({ start: (controller) => (connection.to = controller) });
      connection.say = (text) => connection.to.enqueue(new TextEncoder().encode(text));
      return { status: 200, body };
    },
    event: ({ event, data }) => seen.events.push(event + " " + data),
    state: (state) => seen.states.push(state),
    failed: fails,
  }, clock).start();
  return { clock, seen, follower, last: () => seen.opened.at(-1) };
}

test("a stream that ends is opened again where it stopped, when the server said", async () => {
  const { clock, seen, follower, last } = followed();
  await settle();
  last().say("retry: 5000\n\nid: 3\nevent: ringing\ndata: 1\n\n");
  await settle();
  last().to.close();
  await clock.move(4999);
  assert.equal(seen.opened.length, 1);
  await clock.move(1);
  assert.equal(last().lastId, "3");
  assert.deepEqual(seen.events, ["ringing 1"]);
  assert.deepEqual(seen.states, ["connecting", "live", "resting", "connecting", "live"]);
  follower.stop();
});

test("a stream that stops mid-way, without a word, is given up after 40 s, comments keep it", async () => {
  const { clock, seen, follower, last } = followed();
  await settle();
  for (let i = 0; i < 4; i++) {
    last().say(": still here\n\n");
    await clock.move(15_000);
  }
  assert.equal(seen.opened.length, 1);
  await clock.move(24_000);
  assert.equal(seen.opened.length, 1);
  await clock.move(3000);
  assert.equal(seen.opened.length, 2, "40 s after the last word");
  assert.equal(seen.opened[0].signal.aborted, true);
  follower.stop();
});

test("failures are met with patience, up to half a minute", async () => {
  const { clock, seen, follower } = followed({ refuse: new Error("unreachable") });
  await clock.move(1);
  const times = [];
  for (let i = 0; i < 9; i++) {
    const before = seen.opened.length, from = clock.at;
    while (seen.opened.length === before) await clock.move(100);
    times.push(clock.at - from);
  }
  assert.ok(times[0] <= 2600 && times.every((ms, i) => i === 0 || ms <= 37_700) && times.at(-1) > 20_000, String(times));
  seen.refuse = undefined;
  follower.nudge(); // the network came back
  await clock.move(1);
  assert.equal(seen.states.at(-1), "live");
  follower.stop();
});

test("who wakes does not trust a connection that was silent for long", async () => {
  const { clock, seen, follower } = followed();
  await settle();
  clock.at += 10_000;
  follower.nudge();
  await settle();
  assert.equal(seen.opened[0].signal.aborted, false, "10 s of silence are nothing");
  clock.at += 3600_000; // asleep: no timer ran
  follower.nudge();
  await clock.move(2000);
  assert.equal(seen.opened[0].signal.aborted, true);
  assert.equal(seen.opened.length, 2);
  follower.stop();
});

test("it ends when the server says that it is over, when its owner says so, and when it is stopped", async () => {
  const over = followed();
  await settle();
  over.seen.over = true;
  over.last().to.close();
  await over.clock.move(5000);
  assert.deepEqual(over.seen.states.slice(-2), ["connecting", "over"]);
  const refused = followed({ fails: () => false });
  refused.seen.refuse = new Error("forbidden");
  await settle();
  refused.last().to?.error(new Error("broken"));
  await refused.clock.move(60_000);
  assert.equal(refused.seen.states.at(-1), "over");
  const stopped = followed();
  await settle();
  stopped.follower.stop();
  await stopped.clock.move(100_000);
  assert.equal(stopped.seen.opened.length, 1);
  assert.deepEqual(stopped.clock.timers.size, 0, "no timer is left");
});
