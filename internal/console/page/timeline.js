// <call-timeline>: both legs of a conversation on one clock, as far as one likes to zoom.
// All that it shows stands in the transcript as text; for those who do not see it, it is a
// slider with which one moves through the call.

import { make, icon } from "./dom.js";
import { colours, draw, lanes, overview } from "./draw.js";
import { sentence } from "./entry.js";
import { length, seconds, spoken } from "./words.js";
import { Zoom } from "./zoom.js";

const names = { callee: "callee", agent: "assistant" };

class CallTimeline extends HTMLElement {
  connectedCallback() {
    if (this.canvas) return;
    this.zoom = new Zoom();
    this.at = 0;
    this.pointers = new Map();
    this.canvas = make("canvas", { class: "drawn", "aria-hidden": "true" });
    this.small = make("canvas", { class: "overview", "aria-hidden": "true" });
    this.pin = make("i", { class: "cursor", "aria-hidden": "true" });
    this.tip = make("p", { class: "tip", "aria-hidden": "true", hidden: true });
    this.track = make("div", { class: "track", role: "slider", tabindex: "0", "aria-label": "Place in the call", "aria-valuemin": "0", "aria-valuenow": "0", "aria-describedby": "timelinehelp" }, this.canvas, this.pin, this.tip);
    const button = (name, label, click) => make("button", { class: "plain", type: "button", "aria-label": label, title: label, on: { click } }, icon(name));
    this.append(
      make("div", { class: "legs", "aria-hidden": "true" }, make("span", { class: "callee", text: "Callee" }), make("span", { class: "agent", text: "Assistant" })),
      this.track, make("span", { class: "gap" }), this.small,
      make("div", { class: "keys" },
        make("p", { class: "legend", "aria-hidden": "true" }, ...legend.map(([looks, text]) => make("span", { class: looks, text }))),
        make("div", { class: "zoom", role: "group", "aria-label": "Zoom" }, button("out", "Zoom out", () => this.by(1 / 2)), button("fit", "Whole call", () => this.fit()), button("in", "Zoom in", () => this.by(2))),
      ),
      make("p", { id: "timelinehelp", class: "unseen", text: "Arrows move by a second, with shift by ten. Plus and minus zoom. Space plays. What the timeline shows stands in the transcript." }),
    );
    this.listen();
  }

  listen() {
    new ResizeObserver(() => this.redraw()).observe(this.track);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => ((this.colour = undefined), this.redraw()));
    this.track.addEventListener("keydown", (e) => this.key(e));
    for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) this.track.addEventListener(kind, (e) => this.pointer(e));
    this.track.addEventListener("pointerleave", () => (this.tip.hidden = true));
    this.track.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
    for (const kind of ["pointerdown", "pointermove"]) this.small.addEventListener(kind, (e) => e.buttons && this.pan(e));
  }

  // show takes a conversation, or undefined where there is none.
  show(conversation) {
    if (this.conversation !== conversation) this.zoom = new Zoom();
    this.conversation = conversation;
    this.update();
    this.point();
  }

  // update is told that the conversation has grown.
  update() {
    this.zoom.grow(this.conversation?.durationMs ?? 0);
    this.track.setAttribute("aria-valuemax", String(Math.round((this.conversation?.durationMs ?? 0) / 1000)));
    this.redraw();
  }

  // cursor stands at a moment. reveal brings it into sight.
  cursor(ms, { reveal = false } = {}) {
    this.at = ms;
    const { from } = this.zoom;
    if (reveal) this.zoom.reveal(ms);
    if (from !== this.zoom.from) this.redraw();
    this.point();
    const second = String(Math.floor(ms / 1000));
    if (this.track.getAttribute("aria-valuenow") === second) return;
    this.track.setAttribute("aria-valuenow", second);
    const who = this.conversation?.talking(ms) ?? [];
    this.track.setAttribute("aria-valuetext", `${spoken(ms)}${who.length ? ", the " + who.map((speaker) => names[speaker]).join(" and the ") + " speaking" : ""}`);
  }

  point() {
    const x = this.zoom.x(this.at, this.track.clientWidth);
    this.pin.hidden = !this.conversation || x < -1 || x > this.track.clientWidth + 1;
    this.pin.style.setProperty("transform", `translateX(${x.toFixed(1)}px)`);
  }

  redraw() {
    this.due ??= requestAnimationFrame(() => {
      this.due = undefined;
      if (!this.conversation || !this.isConnected) return;
      this.colour ??= colours(this);
      draw(this.canvas, this.conversation, this.zoom, this.colour);
      overview(this.small, this.conversation, this.zoom, this.colour);
      this.point();
    });
  }

  by(factor, around = this.pin.hidden ? undefined : this.at) {
    this.zoom.by(factor, around);
    this.redraw();
  }

  fit() {
    this.zoom.fit();
    this.redraw();
  }

  seek(ms) {
    this.dispatchEvent(new CustomEvent("seek", { detail: Math.max(0, Math.min(ms, this.conversation?.durationMs ?? 0)), bubbles: true }));
  }

  key(e) {
    const far = e.shiftKey ? 10_000 : 1000;
    const moves = { ArrowLeft: -far, ArrowDown: -far, ArrowRight: far, ArrowUp: far, PageUp: 30_000, PageDown: -30_000, Home: -Infinity, End: Infinity };
    if (e.key in moves) this.seek(this.at + moves[e.key]);
    else if (e.key === "+" || e.key === "=") this.by(2);
    else if (e.key === "-") this.by(1 / 2);
    else if (e.key === "0") this.fit();
    else if (e.key === " ") this.dispatchEvent(new CustomEvent("play", { bubbles: true }));
    else return;
    e.preventDefault();
  }

  // pointer: a click goes to a moment, a drag moves what is shown, two fingers zoom.
  pointer(e) {
    const x = e.clientX - this.track.getBoundingClientRect().left, width = this.track.clientWidth;
    if (e.type === "pointerdown") {
      this.pointers.set(e.pointerId, { x, from: this.zoom.from, moved: this.pointers.size > 0 });
      this.track.setPointerCapture(e.pointerId);
      return;
    }
    const held = this.pointers.get(e.pointerId);
    if (e.type === "pointermove") return held ? this.drag(held, x, width) : this.hint(x, width);
    this.pointers.delete(e.pointerId);
    if (held && !held.moved && e.type === "pointerup") this.seek(this.zoom.ms(x, width));
  }

  drag(held, x, width) {
    const [one, two] = this.pointers.values();
    if (two) {
      const other = held === one ? two : one, before = Math.abs(held.x - other.x), now = Math.abs(x - other.x);
      this.zoom.by(Math.max(0.8, Math.min(1.25, now / Math.max(8, before))), this.zoom.ms((x + other.x) / 2, width));
      held.x = x;
      held.moved = other.moved = true;
      return this.redraw();
    }
    held.moved ||= Math.abs(x - held.x) > 4;
    if (!held.moved || this.zoom.all) return;
    this.zoom.show(held.from - ((x - held.x) / width) * this.zoom.span);
    this.redraw();
  }

  pan(e) {
    this.small.setPointerCapture(e.pointerId);
    const x = e.clientX - this.small.getBoundingClientRect().left;
    this.zoom.show((x / this.small.clientWidth) * this.zoom.duration - this.zoom.span / 2);
    this.redraw();
  }

  wheel(e) {
    const across = e.shiftKey ? e.deltaY : e.deltaX, width = this.track.clientWidth;
    const x = e.clientX - this.track.getBoundingClientRect().left;
    if (e.ctrlKey || e.metaKey) this.by(Math.exp(-Math.max(-50, Math.min(50, e.deltaY)) / 100), this.zoom.ms(x, width));
    else if (Math.abs(across) > Math.abs(e.shiftKey ? 0 : e.deltaY) && !this.zoom.all) this.zoom.show(this.zoom.from + (across / width) * this.zoom.span), this.redraw();
    else return; // the page scrolls
    e.preventDefault();
  }

  // hint says what is under the pointer.
  hint(x, width) {
    const c = this.conversation;
    if (!c) return;
    const at = this.zoom.ms(x, width), near = (6 / width) * this.zoom.span;
    const found = c.entries.filter((entry) => entry.kind !== "speech" && at >= entry.at - near && at <= (entry.to ?? entry.at) + near).map(sentence);
    const wait = c.latencies.find((latency) => at >= latency.at - latency.ms && at <= latency.at);
    if (wait) found.push(`The assistant answered after ${seconds(wait.ms)}`);
    const who = c.talking(at).map((speaker) => (speaker === "agent" ? "Assistant" : "Callee") + " speaks");
    this.tip.textContent = [length(at), ...who, ...found.filter(Boolean)].join(" · ");
    this.tip.hidden = false;
    const half = this.tip.offsetWidth / 2;
    this.tip.style.setProperty("transform", `translateX(${Math.max(0, Math.min(width - 2 * half, x - half)).toFixed(0)}px)`);
  }
}

const legend = [["leg callee", "callee"], ["leg agent", "assistant"], ["wait", "wait for the assistant"], ["tool", "tool"], ["barge", "interruption"], ["mark", "mark played"]];

customElements.define("call-timeline", CallTimeline);
export { lanes };
