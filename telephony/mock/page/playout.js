// What the line sent, on its way to the speaker.

// Playout is a jitter buffer. It plays in order, begins once it holds a cushion (or has
// waited as long), and reports a mark when the last sample before it has been played, lag
// samples after it was taken. On clear everything is dropped and its marks are reported
// at once, as Twilio does. It holds ten minutes at most and drops what is more (Twilio's
// warning 31931). All lengths are in samples of the line.
export class Playout {
  constructor(report, { lag = 0, cushion = 480, longest = 10 * 60 * 8000 } = {}) {
    this.report = report;
    this.lag = lag;
    this.cushion = cushion;
    this.longest = longest;
    this.queue = [];
    this.played = []; // marks whose audio has been taken and has not left yet
    this.held = 0; // samples in the queue
    this.at = 0; // in the head of the queue
    this.now = 0; // samples taken, silence too
    this.last = -Infinity; // when audio was last taken
    this.since = 0; // when the queue was last empty
    this.filling = true;
  }

  // receive takes one of { samples }, { mark } and { clear }.
  receive(item) {
    if (item.clear) this.clear();
    else if (item.mark !== undefined) this.queue.push(item);
    else if (item.samples.length > 0 && this.held + item.samples.length <= this.longest) this.add(item);
    this.passMarks();
  }

  add(item) {
    if (this.held === 0) this.since = this.now;
    this.held += item.samples.length;
    this.queue.push(item);
  }

  clear() {
    const marks = this.played.concat(this.queue.filter((item) => item.mark !== undefined));
    this.queue = [];
    this.played = [];
    this.held = this.at = 0;
    this.filling = true;
    this.last = -Infinity;
    for (const { mark } of marks) this.report(mark, true);
  }

  // take gives the next sample: silence while there is none to play.
  take() {
    if (this.filling && this.held > 0 && (this.held >= this.cushion || this.now - this.since >= this.cushion)) this.filling = false;
    const sample = this.filling ? 0 : this.next();
    this.now++;
    while (this.played.length > 0 && this.played[0].at <= this.now) this.report(this.played.shift().mark, false);
    return sample;
  }

  next() {
    const { samples } = this.queue[0];
    const sample = samples[this.at++];
    this.held--;
    this.last = this.now + 1;
    if (this.at === samples.length) {
      this.queue.shift();
      this.at = 0;
      this.passMarks();
      this.filling = this.held === 0;
    }
    return sample;
  }

  // passMarks moves the marks that no audio precedes any more.
  passMarks() {
    while (this.queue.length > 0 && this.queue[0].mark !== undefined) {
      const { mark } = this.queue.shift();
      const at = this.last + this.lag;
      if (at <= this.now && this.played.length === 0) this.report(mark, false);
      else this.played.push({ mark, at });
    }
  }

  // speaking says whether audio is on its way to the ear.
  get speaking() {
    return this.held > 0 || this.now < this.last + this.lag;
  }
}
