// The part of a call that the timeline shows, and where a moment lies in it. No DOM.

const closest = 2000; // milliseconds, the least that one can look at
const shortest = 20_000; // a call that has just begun is drawn as if it were this long

export class Zoom {
  constructor() {
    this.duration = shortest;
    this.from = 0;
    this.span = shortest;
  }

  get to() {
    return this.from + this.span;
  }

  get all() {
    return this.span >= this.duration;
  }

  // grow tells how long the call is by now. Who sees all of it, or its end, goes on doing so.
  grow(ms) {
    const { all } = this, atEnd = this.to >= this.duration - 1;
    this.duration = Math.max(ms, shortest);
    if (all) this.fit();
    else if (atEnd) this.show(this.duration - this.span, this.span);
  }

  fit() {
    this.show(0, this.duration);
  }

  // by zooms in (above 1) or out around a moment.
  by(factor, around = this.from + this.span / 2) {
    const span = Math.max(closest, Math.min(this.duration, this.span / factor));
    this.show(around - ((around - this.from) / this.span) * span, span);
  }

  // show moves to a part, as far as the call goes.
  show(from, span = this.span) {
    this.span = Math.min(span, this.duration);
    this.from = Math.max(0, Math.min(from, this.duration - this.span));
  }

  // reveal brings a moment into sight, with what comes after it.
  reveal(ms) {
    if (ms < this.from || ms > this.to - 0.05 * this.span) this.show(ms - 0.15 * this.span);
  }

  x(ms, width) {
    return ((ms - this.from) / this.span) * width;
  }

  ms(x, width) {
    return Math.max(0, Math.min(this.duration, this.from + (x / width) * this.span));
  }

  // ticks are the moments to write on the ruler, about one every so many pixels.
  ticks(width, apart = 90) {
    const least = (this.span / width) * apart;
    const step = steps.find((s) => s >= least) ?? steps.at(-1);
    const all = [];
    for (let at = Math.ceil(this.from / step) * step; at <= this.to; at += step) all.push(at);
    return all;
  }
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600].map((s) => 1000 * s);
