// <call-list>: the calls, the newest first, live, as they are filtered.

import { Problem } from "./api.js";
import { Calls, rowsInSight } from "./calls.js";
import { announce, make, view } from "./dom.js";
import { Follower } from "./follow.js";
import { number, query, write } from "./place.js";
import { row } from "./row.js";
import { instead, trouble, waiting } from "./state.js";
import { count, outcomes, statuses } from "./words.js";

class CallList extends HTMLElement {
  given({ api, line }) {
    this.api = api;
    this.line = line;
    const $ = view(this, "list-view");
    this.form = $("form");
    this.rows = $(".rows");
    this.empty = $(".instead");
    this.button = $(".more");
    this.drawn = new Map(); // rows by call, with the summary that they were drawn of
    this.parts = { sum: $(".sum"), fault: $(".fault"), clear: $("[type=reset]"), card: $("section") };
    for (const [name, text] of Object.entries(outcomes)) this.form.outcome.append(make("option", { value: name, text }));
    for (const [name, text] of Object.entries(statuses)) this.form.status.append(make("option", { value: name, text }));
    this.form.addEventListener("change", () => this.filter());
    this.form.addEventListener("submit", (e) => (e.preventDefault(), this.filter()));
    this.form.addEventListener("reset", (e) => (e.preventDefault(), this.go({})));
    this.button.addEventListener("click", () => this.more(true));
    this.rows.addEventListener("keydown", (e) => this.key(e));
    addEventListener("scroll", () => this.hidden || this.draw(), { passive: true });
    addEventListener("resize", () => {
      this.row = undefined;
      if (!this.hidden) this.draw();
    });
  }

  // show shows the calls of these filters. Those that are known stay while they are asked anew.
  show(filters) {
    document.title = "Calls";
    const same = this.calls && JSON.stringify(filters) === JSON.stringify(this.calls.filters);
    if (!same) {
      this.leave();
      this.calls = new Calls(filters);
      this.reset();
    }
    for (const name of ["status", "outcome", "from", "until", "to"]) this.form[name].value = filters[name] ?? "";
    this.parts.fault.textContent = "";
    this.parts.clear.disabled = Object.keys(filters).length === 0;
    this.draw();
    this.follow();
  }

  leave() {
    this.follower?.stop();
    this.follower = undefined;
    this.line("over");
  }

  nudge() {
    this.follower ? this.follower.nudge() : this.follow();
  }

  // heard is told what was done in another tab, or on the page of a call.
  heard({ deleted }) {
    if (!deleted || !this.calls) return;
    this.calls.remove(deleted);
    this.draw();
  }

  focusLast() {
    this.rows.querySelector(`[data-id="${CSS.escape(this.opened ?? "")}"] a`)?.focus({ preventScroll: true });
  }

  follow() {
    if (this.follower) return;
    const path = "calls?" + query(this.calls.filters);
    const follower = new Follower({
      open: (lastId, signal) => this.api.stream(path, lastId, signal),
      event: ({ event, data }) => this.follower === follower && this.told(event, JSON.parse(data)),
      state: (state) => this.follower === follower && this.line(state),
      failed: (problem) => this.follower === follower && this.failed(problem),
    });
    this.follower = follower.start();
  }

  told(event, data) {
    if (event === "page") this.calls.page(data);
    if (event === "call") this.calls.changed(data);
    if (event === "gone") this.calls.remove(data.callId);
    this.problem = undefined;
    this.draw();
  }

  // failed keeps what is shown, where anything is.
  failed(problem) {
    const passes = !(problem instanceof Problem) || problem.passes;
    if (!passes) this.follower = undefined;
    if (!this.calls.loaded || !passes) {
      this.problem = problem instanceof Problem ? problem : new Problem("unreachable", "");
      this.draw();
    }
    return passes;
  }

  // filter takes the form's word.
  filter() {
    const { outcome, status, from, until, to } = this.form;
    const exact = number(to.value);
    if (to.value.trim() && !exact) {
      this.parts.fault.textContent = "Give the whole number with its country, such as +14155550123.";
      to.ariaInvalid = "true";
      return;
    }
    to.ariaInvalid = "false";
    this.go({ outcome: outcome.value, status: status.value, from: from.value, until: until.value, to: exact });
  }

  go(filters) {
    const fragment = write({ view: "list", filters });
    if (fragment === location.hash) return this.show(this.calls.filters); // the form is as it was
    location.hash = fragment;
  }

  // more fetches the page after the last one. on: where the button was pressed, go into it.
  async more(on) {
    if (this.fetching || !this.calls.next) return;
    const { calls } = this, before = calls.list.length;
    this.fetching = true;
    this.button.textContent = "Loading…";
    try {
      calls.more(await this.api.calls(query(calls.filters, { cursor: calls.next, limit: 100 })));
      this.fetching = false;
    } catch (problem) {
      this.fetching = false;
      if (calls !== this.calls) return;
      this.stuck = true; // until somebody presses the button
      this.button.textContent = "That did not work. Try again";
      announce(problem.message);
      return;
    }
    if (calls !== this.calls) return;
    this.stuck = false;
    this.draw();
    announce(`${calls.list.length - before} more calls`);
    if (on) this.rows.querySelector(`[aria-posinset="${before + 1}"] a`)?.focus();
  }

  reset() {
    this.rows.replaceChildren();
    this.drawn.clear();
    this.problem = undefined;
    this.stuck = false;
  }

  // draw puts the rows in sight where they belong, and no others.
  draw() {
    const { list, loaded, next } = this.calls;
    const nothing = this.problem ?? (loaded && list.length === 0 && !next);
    this.rows.hidden = Boolean(nothing);
    this.empty.hidden = !nothing && loaded;
    this.button.hidden = Boolean(nothing) || !next;
    this.parts.sum.textContent = loaded && !nothing ? next ? `the newest ${count(list.length)}` : count(list.length) : "";
    if (!this.empty.hidden) this.explain();
    else this.explained = undefined;
    if (nothing || !loaded) return;
    if (!list.length) return void this.more(); // what is read for a page is bounded: it may hold none, and there are more
    if (!this.stuck && !this.fetching) this.button.textContent = "Show more";
    this.rows.style.setProperty("--count", list.length);
    this.row ??= parseFloat(getComputedStyle(this.rows).getPropertyValue("--row")) * parseFloat(getComputedStyle(document.documentElement).fontSize);
    const sight = rowsInSight({ top: -this.rows.getBoundingClientRect().top, height: innerHeight, row: this.row, count: list.length });
    this.place(list, sight);
    if (next && sight.last === list.length && !this.stuck && list.length > sight.first && scrollY > 0) this.more();
  }

  place(list, { first, last }) {
    const focused = document.activeElement?.closest?.("[data-id]")?.dataset.id;
    const wanted = new Map();
    list.forEach((call, at) => ((at >= first && at < last) || call.callId === focused) && wanted.set(call.callId, { call, at }));
    for (const [id, { element }] of this.drawn) {
      if (wanted.has(id)) continue;
      element.remove();
      this.drawn.delete(id);
    }
    for (const [id, { call, at }] of wanted) this.put(id, call, at, list.length);
    this.order(wanted);
  }

  put(id, call, at, count) {
    const known = this.drawn.get(id);
    const said = JSON.stringify(call);
    if (!known || known.said !== said) {
      const element = row(call, { at, count });
      element.addEventListener("click", () => (this.opened = id));
      const had = known?.element.contains(document.activeElement);
      known ? known.element.replaceWith(element) : this.rows.append(element);
      if (had) element.querySelector("a").focus({ preventScroll: true });
      this.drawn.set(id, { element, said });
    }
    const { element } = this.drawn.get(id);
    element.style.setProperty("--at", at);
    element.setAttribute("aria-posinset", at + 1);
    element.setAttribute("aria-setsize", count);
  }

  // order keeps the rows in the order in which one sees them, for those who go by keyboard.
  order(wanted) {
    let before;
    for (const id of wanted.keys()) {
      const { element } = this.drawn.get(id);
      const follows = before ? before.nextSibling : this.rows.firstChild;
      if (follows !== element && !element.contains(document.activeElement)) this.rows.insertBefore(element, follows);
      before = element;
    }
  }

  explain() {
    const filtered = Object.keys(this.calls.filters).length > 0;
    const why = this.problem ?? (this.calls.loaded ? "empty" + filtered : "loading");
    if (this.explained === why) return;
    this.explained = why;
    const empty = make("div", { class: "instead" },
      this.problem ? trouble(this.problem, () => ((this.problem = undefined), this.draw(), this.nudge()))
        : !this.calls.loaded ? waiting(8, "calls")
          : filtered ? instead("find", "No call found", "None fits all of these filters.", ["Show all calls", () => this.go({})])
            : instead("phone", "No call yet", "Calls stand here as soon as your assistant places them, and move as they happen."),
    );
    this.empty.replaceWith(empty);
    this.empty = empty;
  }

  // key goes from row to row.
  key(e) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    const id = e.target.closest("[data-id]")?.dataset.id;
    if (!step || !id) return;
    e.preventDefault();
    const to = this.calls.list[this.calls.list.findIndex((call) => call.callId === id) + step];
    this.drawn.get(to?.callId)?.element.querySelector("a").focus();
  }
}

customElements.define("call-list", CallList);
