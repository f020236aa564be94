// One call in the list.

import { make, their } from "./dom.js";
import { write } from "./place.js";
import * as words from "./words.js";

// cost is what a summary says of it: nothing was billed, it is known, or it is not.
const cost = (call) => (!call.cost ? "" : words.money(call.cost.total, call.cost.currency));

// under says what stands below the outcome: the booked time, the next try, or how it ended.
function under(call) {
  if (call.event) return words.slot(call.event).short;
  if (call.cancelRequestedAt && !words.isOver(call)) return "Is being stopped";
  if (call.nextAttemptAt) return `Attempt ${call.attempt + 1} ${words.until(call.nextAttemptAt)}`;
  if (!words.isOver(call)) return call.attempt > 1 ? `Attempt ${call.attempt} of ${call.maxAttempts}` : "";
  return words.statuses[call.status] ?? call.status;
}

const two = (first, second, className = "") => make("span", { class: "cell " + className }, first, second ?? make("small"));
const small = (text) => make("small", { text });
const unseen = (text) => make("span", { class: "unseen", text });

// row draws a summary as a link. Rows are replaced, not changed.
export function row(call, { at, count }) {
  const { text, looks } = words.standing(call);
  const name = call.calleeName ? their(call.calleeName, "b") : make("b", { class: "number", text: words.dots(call.to) });
  const below = call.calleeName ? make("small", { class: "number", text: words.dots(call.to) }) : small("");
  const told = cost(call);
  const link = make("a", { class: "row", href: write({ view: "call", id: call.callId }) },
    two(make("span", { class: "pill " + looks, text }), small(under(call)), "outcome"),
    two(name, below, "callee"),
    two(their(call.goal, "span", { class: "goal" }), call.userName ? their("for " + call.userName, "small") : undefined, "about"),
    two(make("time", { datetime: call.createdAt, text: words.when(call.createdAt) }), small(call.attempt > 1 ? `${call.attempt} attempts` : ""), "when"),
    two(make("span", {}, unseen("length "), call.durationMs ? words.length(call.durationMs) : "–"), undefined, "number length" + (call.durationMs ? "" : " none")),
    two(make("span", { class: told === "unknown" ? "quiet" : "" }, unseen("cost "), told || "–"), undefined, "number cost" + (told ? "" : " none")),
  );
  return make("div", { role: "listitem", "aria-posinset": String(at + 1), "aria-setsize": String(count), "data-id": call.callId }, link);
}
