// Marks on their way back.

// Marks sends the name of each mark when what was played before it has left the speaker:
// with wireless headphones that is a quarter of a second after the audio graph gave it
// away, and the farewell must be heard whole. Names leave in the order in which they came.
export class Marks {
  // send takes a name, latency says how long audio takes from the graph to the ear, in seconds.
  constructor(send, latency, clock = { now: () => performance.now(), after: (ms, f) => setTimeout(f, ms) }) {
    this.send = send;
    this.latency = latency;
    this.clock = clock;
    this.waiting = [];
  }

  // played: the graph has given the mark's audio away.
  played(name) {
    this.waiting.push({ name, at: this.clock.now() + 1000 * this.latency() });
    if (this.waiting.length === 1) this.arm();
  }

  // cleared: the mark's audio was dropped. It goes back at once, behind all earlier ones.
  cleared(name) {
    for (const mark of this.waiting.splice(0)) this.send(mark.name);
    this.send(name);
  }

  arm() {
    if (this.waiting.length === 0) return;
    this.clock.after(Math.max(0, this.waiting[0].at - this.clock.now()), () => {
      while (this.waiting.length > 0 && this.waiting[0].at <= this.clock.now() + 1) this.send(this.waiting.shift().name);
      this.arm();
    });
  }
}
