// <live-meters>: how loud both legs are, as it happens.

import { make } from "./dom.js";
import { levelEvery } from "./conversation.js";

const names = { callee: "Callee", agent: "Assistant" };
const most = 30; // values that wait: more are old news

class LiveMeters extends HTMLElement {
  connectedCallback() {
    if (this.bars) return;
    this.queue = [];
    this.bars = {};
    for (const [leg, name] of Object.entries(names)) {
      const bar = make("i");
      const meter = make("div", { class: leg, role: "meter", "aria-label": "Loudness of the " + name.toLowerCase(), "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": "0" }, make("span", { text: name }), make("b", {}, bar));
      this.append(meter);
      this.bars[leg] = { bar, meter };
    }
  }

  // take queues a line of levels, which tells of the second before it.
  take({ callee = [], agent = [] }) {
    for (let i = 0; i < Math.max(callee.length, agent.length); i++) this.queue.push({ callee: callee[i] ?? 0, agent: agent[i] ?? 0 });
    if (this.queue.length > most) this.queue.splice(0, this.queue.length - most);
    this.timer ??= setInterval(() => this.next(), levelEvery);
  }

  next() {
    const now = this.queue.shift();
    if (!now || !this.isConnected) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
    for (const [leg, { bar, meter }] of Object.entries(this.bars)) {
      const level = now?.[leg] ?? 0;
      bar.style.setProperty("--level", level / 100); // allowed by the policy, which forbids style attributes
      meter.ariaValueNow = String(5 * Math.round(level / 5));
    }
  }
}

customElements.define("live-meters", LiveMeters);
