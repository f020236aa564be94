// The head of a call's page: who, how it stands, what it does now, and what one may do.

import { announce, icon, make, their } from "./dom.js";
import * as words from "./words.js";

// Head draws into a page's parts, which $ finds.
export class Head {
  constructor($) {
    this.$ = $;
    $(".reveal").addEventListener("click", () => this.reveal());
  }

  // show takes a call's document, and how long its conversations are together.
  show(call, length) {
    this.call = call;
    const { calleeName, userName, to } = call.request;
    const { text, looks } = words.standing(call);
    document.title = `${calleeName || words.mask(to)} · ${text}`;
    this.$(".owner").replaceChildren(...(userName ? ["for ", their(userName)] : []));
    this.$(".pills").replaceChildren(make("span", { class: "pill " + looks, text }), words.isOver(call) ? make("span", { class: "quiet", text: words.statuses[call.status] }) : "");
    if (this.said !== undefined && this.said !== text) announce("The call: " + text);
    this.said = text;
    this.number();
    this.sums(length);
    this.buttons();
    this.next();
  }

  sums(length) {
    const { call } = this, over = words.isOver(call);
    const cost = call.cost ? words.money(call.cost.total, call.cost.currency) : over ? "none" : "–";
    const list = [
      ["Placed", words.day(call.createdAt)], ["Length", length ? words.length(length) : "–"], ["Attempts", `${call.attempt} of ${call.maxAttempts}`],
      ["Answers in", call.quality?.turnP50Ms ? words.seconds(call.quality.turnP50Ms) : "–"], ["Cost", cost],
    ];
    this.$(".sums").replaceChildren(...list.map(([name, text]) => make("div", {}, make("dt", { text: name }), make("dd", { text, class: text === "unknown" ? "quiet" : "", "data-length": name === "Length" }))));
  }

  // grow tells the length of a call that lasts.
  grow(length) {
    this.$("[data-length]").textContent = words.length(length);
  }

  buttons() {
    const { call } = this, stop = this.$(".hangup"), over = words.isOver(call);
    stop.hidden = over;
    stop.disabled = Boolean(call.cancelRequestedAt);
    const text = call.cancelRequestedAt ? (words.isTalking(call) ? "Saying goodbye…" : "Being stopped…") : words.isLive(call) ? "Hang up" : "Cancel the call";
    if (stop.textContent !== text) stop.replaceChildren(icon("phone"), text);
    this.$(".delete").hidden = !over;
  }

  // next says what happens now, and what will be tried next.
  next() {
    const { call } = this, now = this.$(".now");
    now.hidden = words.isOver(call);
    now.classList.toggle("live", words.isLive(call));
    if (now.hidden) return;
    this.$(".doing").textContent = doing(call);
    this.$(".next").textContent = why(call);
    this.$("live-meters").hidden = !words.isTalking(call);
  }

  number() {
    const { to } = this.call.request, clear = this.$(".reveal").ariaPressed === "true";
    const shown = clear ? to : words.dots(words.mask(to)), name = this.call.request.calleeName;
    this.$("h1 bdi").textContent = name || shown;
    this.$(".masked").textContent = name ? shown : "";
    this.$(".reveal").textContent = clear ? "Hide number" : "Show number";
  }

  reveal() {
    const button = this.$(".reveal");
    button.ariaPressed = String(button.ariaPressed !== "true");
    this.number();
  }
}

function doing(call) {
  if (call.cancelRequestedAt) return "It is being stopped";
  if (call.nextAttemptAt) return `Attempt ${call.attempt + 1} of ${call.maxAttempts} ${words.until(call.nextAttemptAt)}`;
  if (words.isLive(call)) return `${words.statuses[call.status]}, attempt ${call.attempt} of ${call.maxAttempts}`;
  return "Waiting";
}

function why(call) {
  const last = call.attempts.at(-1);
  if (call.nextAttemptAt) return [`At ${words.when(call.nextAttemptAt)}.`, last?.endReason && `Attempt ${last.number}: ${words.reason(last.endReason)}.`].filter(Boolean).join(" ");
  if (words.isLive(call)) return call.cancelRequestedAt ? "The assistant says goodbye first." : "";
  return call.lastError ?? "";
}
