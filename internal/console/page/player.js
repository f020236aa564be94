// The recording: fetched when somebody wants to hear it, and honest about what is missing.

import { announce, icon, make } from "./dom.js";
import { whole } from "./recording.js";
import { bytes, length } from "./words.js";

const speeds = [1, 1.25, 1.5, 2];
const tolerance = 1500; // milliseconds by which the recording may end before the timeline does

// Player draws itself into an element. Its owner gives it
//   fetch(attempt, {progress, signal})  the recording's pieces
//   moved(ms, playing)                  where it is
export class Player {
  constructor(element, owner) {
    this.owner = owner;
    this.at = 0;
    this.audio = new Audio();
    this.button = make("button", { class: "play", type: "button", on: { click: () => this.toggle() } });
    this.clock = make("span", { class: "clock" });
    this.speed = make("button", { class: "plain speed", type: "button", on: { click: () => this.faster() } });
    this.words = make("span", { class: "quiet says", role: "status" });
    element.append(this.button, this.clock, this.speed, this.words);
    for (const event of ["play", "pause", "ended"]) this.audio.addEventListener(event, () => this.follow());
    this.audio.addEventListener("error", () => this.loaded && this.fail("This browser cannot play the recording."));
    this.rate(1);
  }

  // show takes an attempt: its length, its recording {bytes, durationMs} if there is one,
  // and else why there is none.
  show({ attempt, duration, recording, why }) {
    const other = attempt !== this.attempt;
    if (other) this.drop();
    const first = other || Boolean(recording) !== Boolean(this.recording) || why !== this.why;
    Object.assign(this, { attempt, duration, recording, why });
    if (first) {
      this.say(recording ? "" : why);
      this.draw();
    }
    this.tick();
  }

  // grow tells the length of an attempt that still lasts.
  grow(duration) {
    this.duration = duration;
    this.tick();
  }

  // close ends it for good; its owner hears nothing more.
  close() {
    this.owner = { ...this.owner, moved: () => {} };
    this.drop();
  }

  // drop lets go of what was fetched.
  drop() {
    this.fetching?.abort();
    this.fetching = undefined;
    this.loaded = false;
    cancelAnimationFrame(this.frame);
    this.audio.pause();
    this.audio.removeAttribute("src");
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = undefined;
    this.at = 0;
    this.draw();
  }

  get playing() {
    return this.loaded && !this.audio.paused && !this.audio.ended;
  }

  async toggle() {
    if (!this.recording) return;
    if (this.fetching) return this.stopFetching();
    if (this.playing) return this.audio.pause();
    if (!this.loaded && !(await this.load())) return;
    if (this.audio.ended || this.at >= 1000 * this.audio.duration - 50) this.seek(0);
    await this.audio.play().catch((error) => error.name === "NotAllowedError" && this.say("It is here. Press play once more."));
  }

  stopFetching() {
    this.fetching.abort();
    this.fetching = undefined;
    this.say("");
    this.draw();
  }

  async load() {
    const fetching = (this.fetching = new AbortController());
    this.say("Fetching the recording…");
    this.draw();
    try {
      const got = await this.owner.fetch(this.attempt, { signal: fetching.signal, progress: (size, total) => total > 4e6 && this.say(`Fetching ${bytes(size)} of ${bytes(total)}`) });
      if (this.fetching !== fetching) return false;
      return this.take(whole(got));
    } catch (problem) {
      if (this.fetching === fetching) this.fail(problem.message);
      return false;
    }
  }

  take(file) {
    if (!file) return this.fail("What the server keeps of this attempt is not a recording.");
    this.fetching = undefined;
    this.url = URL.createObjectURL(new Blob(file.parts, { type: "audio/wav" }));
    this.audio.src = this.url;
    this.audio.currentTime = this.at / 1000;
    this.audio.playbackRate = this.audio.defaultPlaybackRate = this.playbackRate;
    this.loaded = true;
    const short = file.missing || file.durationMs < this.duration - tolerance;
    this.say(short ? `Cut short: it ends at ${length(file.durationMs)}.` : "");
    this.draw();
    return true;
  }

  fail(words) {
    this.drop();
    this.say(words);
    return false;
  }

  // seek goes to a moment, also where there is nothing to hear.
  seek(ms) {
    this.at = ms;
    if (this.loaded) this.audio.currentTime = ms / 1000;
    this.tick();
    this.owner.moved(ms, this.playing);
  }

  // follow tells where the sound is, while it plays.
  follow() {
    this.draw();
    cancelAnimationFrame(this.frame);
    if (this.loaded) this.at = 1000 * this.audio.currentTime;
    this.tick();
    this.owner.moved(this.at, this.playing);
    if (this.playing) this.frame = requestAnimationFrame(() => this.follow());
  }

  faster() {
    this.rate(speeds[(speeds.indexOf(this.playbackRate) + 1) % speeds.length]);
  }

  rate(rate) {
    this.playbackRate = this.audio.playbackRate = rate;
    this.speed.textContent = rate + "×";
    this.speed.setAttribute("aria-label", `Speed ${rate}, press for another`);
  }

  say(words) {
    if (words && words !== this.words.textContent && !this.fetching) announce(words);
    this.words.textContent = words;
  }

  tick() {
    const text = `${length(this.at)} / ${length(this.duration ?? 0)}`;
    if (this.clock.textContent !== text) this.clock.textContent = text;
  }

  draw() {
    const look = this.fetching ? "cut" : this.playing ? "pause" : "play";
    if (this.button.dataset.look !== look) {
      this.button.dataset.look = look;
      this.button.replaceChildren(icon(look));
      this.button.setAttribute("aria-label", { cut: "Stop fetching", pause: "Pause", play: "Play the recording" }[look]);
    }
    this.button.disabled = !this.recording;
    this.speed.disabled = !this.recording;
  }
}
