// Following a stream of events for as long as somebody looks: it comes back when it ends,
// breaks off, falls silent, or the device has slept. No DOM.

import { EventParser } from "./sse.js";

const silence = 40_000; // the server says something every 15 s
const first = 1000, longest = 30_000;
const asked = 2000; // until the next connection where the stream ended and did not say

// Follower keeps one stream. Its owner gives it
//   open(lastId, signal)  resolves to a Response with a body, or one of status 204: over
//   event({event, data, id})
//   state("connecting" | "live" | "resting" | "waiting" | "over"): resting until the server
//                         wants it back, waiting after a failure
//   failed(error)         whether to go on after this error
// and calls nudge when the network or the device has come back.
export class Follower {
  constructor(owner, clock = globalThis) {
    this.owner = owner;
    this.clock = clock;
    this.lastId = "";
    this.failures = 0;
    this.now = () => (clock.Date ?? Date).now();
  }

  start() {
    this.stopped = false;
    this.run = this.loop();
    return this;
  }

  stop() {
    this.stopped = true;
    this.broken?.abort();
    this.wake?.();
  }

  // nudge goes on at once: where the next try is waited for, and where nothing has been
  // heard for longer than the server is ever silent.
  nudge() {
    this.wake?.();
    if (this.broken && this.now() - this.heard > silence / 2) this.broken.abort();
  }

  async loop() {
    while (!this.stopped) {
      let wait, state = "resting";
      try {
        if ((await this.once()) === "over") return this.owner.state("over");
        wait = this.retry ?? asked;
      } catch (error) {
        if (this.stopped) return;
        if (!this.owner.failed(error)) return this.owner.state("over");
        state = "waiting";
        wait = Math.min(longest, first * 2 ** this.failures++) * (0.75 + Math.random() / 2);
      }
      if (this.stopped) return;
      this.owner.state(state);
      await this.pause(wait);
    }
  }

  async once() {
    this.owner.state("connecting");
    this.broken = new AbortController();
    const { signal } = this.broken;
    const parser = new EventParser();
    let watch;
    const alive = () => {
      this.heard = this.now();
      this.clock.clearTimeout(watch);
      watch = this.clock.setTimeout(() => this.broken?.abort(), silence);
    };
    try {
      this.heard = this.now();
      const response = await this.owner.open(this.lastId, signal);
      if (response.status === 204) return "over";
      this.owner.state("live");
      alive();
      const text = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await abortable(reader, signal);
        if (done || this.stopped) return "ended";
        this.failures = 0;
        alive();
        for (const event of parser.push(text.decode(value, { stream: true }))) {
          this.lastId = event.id || this.lastId;
          this.owner.event(event);
        }
        this.retry = parser.retry ?? this.retry;
      }
    } finally {
      this.clock.clearTimeout(watch);
      this.broken = undefined;
    }
  }

  pause(ms) {
    return new Promise((resolve) => {
      const timer = this.clock.setTimeout(resolve, ms);
      this.wake = () => (this.clock.clearTimeout(timer), resolve());
    }).then(() => (this.wake = undefined));
  }
}

// abortable reads, and gives up with the signal even where the reader does not notice it.
function abortable(reader, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      reader.cancel().catch(() => {});
      reject(new DOMException("the stream fell silent", "AbortError"));
    };
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    reader.read().then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
