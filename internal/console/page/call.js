// <call-page>: one call, live and afterwards.

import { Problem } from "./api.js";
import { Conversation, proof } from "./conversation.js";
import { announce, make, view } from "./dom.js";
import * as facts from "./facts.js";
import { Follower } from "./follow.js";
import { Head } from "./head.js";
import { write } from "./place.js";
import { Player } from "./player.js";
import { sure } from "./question.js";
import { instead, trouble, waiting } from "./state.js";
import * as words from "./words.js";
import "./meters.js";
import "./timeline.js";
import "./transcript.js";

// settling are the times after which a call that is over is looked at again, while parts of
// it are still to come: the notification, the cost, the recording.
const settling = [1000, 3000, 8000, 20_000, 60_000];
const patience = 120_000; // for those parts, after the call's end

// turning are the lines after which the call's record says something else.
const turning = new Set(["started", "farewell_started", "ended"]);

class CallPage extends HTMLElement {
  given({ api, line, tell }) {
    Object.assign(this, { api, line, tell });
  }

  // show shows a call, or another moment of the one that is shown.
  show(place, from) {
    if (place.view === "nowhere") return this.fail(new Problem("not_found", "The link names no call. Its id was changed, or cut short."));
    this.back = from;
    if (this.id === place.id && this.known) return this.go(place);
    this.leave();
    this.id = place.id;
    this.wanted = place;
    document.title = "Call";
    this.replaceChildren(make("nav", {}, make("a", { class: "back", href: from || "#", text: "All calls" })), waiting(6, "call"));
    scrollTo(0, 0);
    this.fetch();
  }

  leave() {
    this.follower?.stop();
    this.player?.close();
    clearTimeout(this.again);
    clearTimeout(this.soon);
    clearInterval(this.minute);
    Object.assign(this, { id: undefined, known: undefined, follower: undefined, player: undefined, $: undefined, shown: undefined, head: undefined, drawn: undefined, told: undefined, soon: undefined, settled: 0, conversations: [] });
  }

  nudge() {
    this.follower?.nudge();
    if (this.id) this.fetch();
  }

  // heard is told what was done in another tab.
  heard({ deleted, changed }) {
    if (!this.id) return;
    if (deleted === this.id) this.gone();
    if (changed === this.id) this.fetch();
  }

  async fetch() {
    const { id } = this;
    let answer;
    try {
      answer = await this.api.call(id);
    } catch (problem) {
      if (id === this.id) this.failed(problem);
      return;
    }
    if (id === this.id) this.take(answer);
  }

  // failed tries again what may pass. What is shown stays meanwhile.
  failed(problem) {
    if (!this.known || !problem.passes) this.fail(problem);
    if (problem.passes) this.later(5000);
  }

  later(ms) {
    clearTimeout(this.again);
    this.again = setTimeout(() => this.fetch(), ms);
  }

  fail(problem) {
    const { id, back } = this;
    this.leave();
    this.id = id;
    document.title = "Call";
    this.line("over");
    this.replaceChildren(make("nav", {}, make("a", { class: "back", href: back || "#", text: "All calls" })), make("h1", { class: "unseen", text: "Call" }),
      make("section", { class: "card" }, trouble(problem, problem.passes && (() => this.fetch()))));
  }

  gone() {
    this.leave();
    this.line("over");
    this.replaceChildren(make("h1", { class: "unseen", text: "Call" }), make("section", { class: "card" }, instead("check", "This call was deleted", "Its record, its transcript and its recording are gone.", ["All calls", () => (location.hash = this.back || "")])));
    announce("The call was deleted.");
  }

  // take takes the call as it is now. The lines of a conversation that are known stay.
  take({ call, steps = [], timelines = [], recordings = [], keeps = {} }) {
    const first = !this.$;
    this.known = { call, steps, recordings, keeps };
    for (const timeline of timelines) this.merge(timeline);
    if (first) this.build();
    this.draw();
    if (first) this.start();
    if (!words.isOver(call) || this.conversations.some((c) => !c.complete)) this.follow(); // a long one may come in parts
    if (words.isOver(call)) this.settle();
  }

  merge(timeline) {
    const known = this.conversations.find((c) => c.attempt === timeline.attempt);
    if (!known) {
      this.conversations.push(new Conversation(timeline));
      this.conversations.sort((a, b) => a.attempt - b.attempt);
      return;
    }
    Object.assign(known, { complete: timeline.complete, cut: timeline.cut, startedAt: timeline.startedAt });
    for (const line of timeline.lines) this.hear(known, line);
    known.durationMs = Math.max(known.durationMs, timeline.durationMs);
  }

  hear(conversation, line) {
    const entry = conversation.add(line);
    if (entry && conversation === this.shown) this.$("call-words").update(entry);
  }

  build() {
    this.replaceChildren();
    const $ = (this.$ = view(this, "call-view"));
    this.head = new Head($);
    $(".back").setAttribute("href", this.back || "#");
    this.player = new Player($(".player"), {
      fetch: (attempt, options) => this.api.recording(this.id, attempt, options),
      moved: (ms, playing) => this.moved(ms, playing),
    });
    $("call-timeline").addEventListener("seek", (e) => this.seek(e.detail));
    $("call-timeline").addEventListener("play", () => this.player.toggle());
    $("call-words").addEventListener("seek", (e) => this.player.seek(e.detail));
    $(".hangup").addEventListener("click", () => this.stop());
    $(".delete").addEventListener("click", () => this.delete());
    $(".facts").addEventListener("click", (e) => this.proved(e));
    this.minute = setInterval(() => this.head?.next(), 20_000); // "in 12 min" grows old
  }

  // start goes where the link says, once.
  start() {
    const { attempt, at } = this.wanted;
    this.choose(this.conversations.find((c) => c.attempt === attempt) ?? this.conversations.at(-1));
    if (at !== undefined) this.seek(at);
    this.$("h1").focus({ preventScroll: true });
  }

  go({ attempt, at }) {
    const wanted = this.conversations.find((c) => c.attempt === attempt);
    if (wanted && wanted !== this.shown) this.choose(wanted);
    if (at !== undefined) this.seek(at);
  }

  // choose shows an attempt's conversation; undefined where none was held.
  choose(conversation) {
    this.shown = conversation;
    this.sound();
    this.$("call-timeline").show(conversation);
    this.words();
    this.player.seek(0);
  }

  // sound tells the player what there is to hear, and why not.
  sound() {
    const { call, recordings, keeps } = this.known;
    const attempt = this.shown?.attempt ?? call.attempts.at(-1)?.number ?? 0;
    const recording = recordings.find((r) => r.attempt === attempt);
    const live = words.isLive(call) && attempt === call.attempt;
    const why = live ? (keeps.recording ? "To be heard when the attempt is over." : "")
      : !keeps.recording ? "Not recorded: recording.enabled is off."
        : !this.shown ? "" : this.unsettled() ? "The recording is being finished."
          : `No recording is kept of this attempt${keeps.days ? `; they are kept for ${keeps.days} days` : ""}.`;
    this.player.show({ attempt, duration: this.shown?.durationMs ?? 0, recording, why });
  }

  words() {
    const { call, keeps } = this.known;
    const live = Boolean(this.shown) && !this.shown.complete && !words.isOver(call);
    const note = this.$(".words .note");
    note.textContent = this.shown
      ? (this.shown.cut ? "The end of it is missing: what kept it was lost, or it was too long." : "")
      : keeps.transcript === false ? "Not kept: transcripts are switched off." : words.isOver(call) ? "Nothing was said in this call, or what was said is kept no longer." : "What both say will stand here, as it is spoken.";
    note.hidden = !note.textContent;
    this.$("call-words").hidden = !this.shown;
    this.$("call-words").show(this.shown, { live });
  }

  // draw shows the call's document.
  draw() {
    const { call, keeps } = this.known;
    this.head.show(call, this.length());
    this.attempts();
    if (!this.shown && this.conversations.length) this.choose(this.conversations.at(-1));
    this.sound();
    this.words();
    this.$(".sound").hidden = !this.shown && (!words.isLive(call) || keeps.transcript === false);
    this.facts();
  }

  // length is that of all conversations together.
  length() {
    return this.conversations.reduce((sum, c) => sum + c.durationMs, 0) || this.known.call.quality?.durationMs || 0;
  }

  attempts() {
    const group = this.$(".attempts");
    group.hidden = this.conversations.length < 2;
    if (group.childElementCount !== this.conversations.length) {
      group.replaceChildren(...this.conversations.map((c) => make("button", { type: "button", class: "plain", "data-attempt": String(c.attempt), text: `Attempt ${c.attempt}`, on: { click: () => (location.hash = write({ view: "call", id: this.id, attempt: c.attempt })) } })));
    }
    for (const button of group.children) button.ariaPressed = String(Number(button.dataset.attempt) === (this.shown ?? this.conversations.at(-1))?.attempt);
  }

  facts() {
    const { call, steps } = this.known;
    const of = (quote) => proof(this.conversations, quote);
    const cards = [facts.appointment(call), facts.report(call, of), facts.attempts({ call, steps }), facts.notification(call), facts.cost(call), facts.quality(call), facts.request(call)];
    const drawn = JSON.stringify([call, steps, this.conversations.length, words.isOver(call) && this.conversations.map((c) => c.entries.length)]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.$(".facts").replaceChildren(...cards.filter(Boolean));
  }

  // proved goes to the callee's words, also where the address says so already.
  proved(e) {
    const link = e.target.closest("a.proof");
    if (!link) return;
    e.preventDefault();
    if (location.hash !== link.hash) history.pushState(null, "", link.hash);
    const given = new URLSearchParams(link.hash.slice(1));
    this.go({ attempt: Number(given.get("attempt")), at: Number(link.dataset.at) });
    this.$("call-words").focusOn(this.shown?.entryAt(Number(link.dataset.at)));
    this.attempts();
  }

  seek(ms) {
    this.player.seek(ms);
    this.$("call-words").cursor(ms, { go: true, sure: true });
    this.$("call-timeline").cursor(ms, { reveal: true });
  }

  moved(ms, playing) {
    this.$("call-timeline").cursor(ms, { reveal: playing });
    if (ms > 0 || playing) this.$("call-words").cursor(ms, { go: playing });
  }

  // follow hears what happens, until the call is over.
  follow() {
    if (this.follower || this.told) return;
    const { id } = this;
    const follower = new Follower({
      open: (lastId, signal) => this.api.stream(this.path(), "", signal),
      event: (event) => this.follower === follower && this.happened(event),
      state: (state) => this.follower === follower && this.streaming(state),
      failed: (problem) => {
        if (this.follower !== follower || id !== this.id) return false;
        const passes = !(problem instanceof Problem) || problem.passes;
        if (!passes) this.failed(problem);
        return passes;
      },
    });
    this.follower = follower.start();
  }

  // path asks for what comes after all that is known.
  path() {
    const last = this.conversations.find((c) => !c.complete) ?? this.conversations.at(-1);
    return `calls/${encodeURIComponent(this.id)}/events?after=${this.known.steps.at(-1)?.id ?? 0}&lines=${last ? `${last.attempt}.${last.last}` : `${this.known.call.attempt || 1}.0`}`;
  }

  streaming(state) {
    const ended = this.known.steps.some((step) => step.event === "ended"); // what follows is its last lines, and nothing that one waits for
    this.line(ended ? "over" : state);
    this.told ||= state === "over"; // nothing further will come
    if (state === "waiting" || (this.told && !words.isOver(this.known.call))) this.refresh();
  }

  happened({ event, data }) {
    const told = JSON.parse(data);
    if (event !== "line") {
      if (!this.known.steps.some((step) => step.id === told.id)) this.known.steps.push(told);
      return this.refresh();
    }
    let conversation = this.conversations.find((c) => c.attempt === told.attempt);
    if (!conversation) {
      conversation = new Conversation({ attempt: told.attempt });
      this.conversations.push(conversation);
      this.attempts();
      this.choose(conversation);
      this.$(".sound").hidden = false;
    }
    this.hear(conversation, told);
    if (turning.has(told.kind)) this.refresh();
    if (conversation !== this.shown) return;
    if (told.kind === "levels" && words.isLive(this.known.call)) this.$("live-meters").take(told);
    this.$("call-timeline").update();
    this.player.grow(conversation.durationMs);
    this.head.grow(this.length());
  }

  // refresh fetches the call once for several things that happened together.
  refresh() {
    this.soon ??= setTimeout(() => {
      this.soon = undefined;
      if (this.id) this.fetch();
    }, 150);
  }

  // unsettled says that something of a call that is over is still to come.
  unsettled() {
    const { call, recordings, keeps } = this.known;
    if (Date.now() - Date.parse(call.completedAt ?? call.updatedAt) > patience || this.settled >= settling.length) return false;
    return call.notification?.state === "pending" || call.cost?.total === null || this.conversations.some((c) => !c.complete)
      || (keeps.recording && this.conversations.some((c) => !recordings.some((r) => r.attempt === c.attempt)));
  }

  settle() {
    if (this.unsettled()) this.later(settling[this.settled++]);
  }

  async stop() {
    const { call } = this.known, talking = words.isTalking(call), id = this.id;
    const meaning = talking ? ["The assistant says goodbye and hangs up within moments."] : words.isLive(call) ? ["The line is put down."] : ["It is not dialled any more."];
    meaning.push(call.outcome === "booked" ? "The appointment is booked, and stays booked. No further attempt is made." : "No further attempt is made, and the owner is told.");
    const act = async () => {
      await this.api.cancel(id);
      this.tell({ changed: id });
    };
    if (await sure({ title: words.isLive(call) ? "Hang up?" : "Cancel this call?", meaning, yes: words.isLive(call) ? "Hang up" : "Cancel the call", no: "Leave it", doing: "Telling the server…", act })) this.fetch();
  }

  async delete() {
    const id = this.id, { call } = this.known;
    const meaning = ["Gone at once, for everybody:", ["the record of the call, with its report and cost", "its transcript and timeline", "its recording"],
      call.event ? "The appointment stays in the calendar, and what the owner was told stays told." : "What the owner was told stays told."];
    const act = async () => {
      await this.api.delete(id);
      this.tell({ deleted: id });
    };
    if (await sure({ title: "Delete this call?", meaning, yes: "Delete", no: "Keep it", doing: "Deleting…", act }) && id === this.id) this.gone();
  }
}

customElements.define("call-page", CallPage);
