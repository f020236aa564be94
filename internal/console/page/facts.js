// What is known of a call beside what was said: one card for each part of its document.

import { make, their } from "./dom.js";
import { write } from "./place.js";
import * as words from "./words.js";

const unknown = () => make("span", { class: "quiet", text: "unknown" });

// pairs is a list of names and values; what has no value is left out.
function pairs(list, className = "pairs") {
  const dl = make("dl", { class: className });
  for (const [name, value] of list) {
    if (value === undefined || value === "" || value === false) continue;
    dl.append(make("div", {}, make("dt", { text: name }), make("dd", {}, value)));
  }
  return dl;
}

function card(title, name, ...children) {
  return make("section", { class: `card fact ${name}`, "aria-labelledby": name + "title" }, make("h2", { id: name + "title", text: title }), ...children);
}

// appointment is the booked event, or that its booking is not certain.
export function appointment({ event, outcome }) {
  if (!event) return undefined;
  const { day, hours, zone } = words.slot(event);
  return card("Appointment", "event",
    make("p", { class: "big", text: day }),
    make("p", { class: "hours", text: hours }), make("p", { class: "quiet", text: zone.replaceAll("_", " ") }),
    outcome === "unconfirmed" && make("p", { class: "warn", text: "Unconfirmed: look into the calendar before you rely on it." }),
    pairs([["Title", event.summary && their(event.summary)], ["Calendar", their(event.calendarId)], ["Event", their(event.eventId, "code")]]),
  );
}

// report is what the assistant says of the call; each quote leads to where it was said.
export function report({ callId, report: said }, proofOf) {
  if (!said) return undefined;
  const quotes = (said.evidence ?? []).map((quote) => {
    const found = proofOf(quote);
    const place = found && { view: "call", id: callId, attempt: found.conversation.attempt, at: found.entry.at };
    const at = words.length(found?.entry.at ?? quote.atMs);
    return make("li", {}, their(quote.quote, "q"),
      found ? make("a", { class: "proof", href: write(place), "data-at": String(found.entry.at), text: at, "aria-label": `The callee’s words at ${at}` }) : make("span", { class: "quiet", text: at }));
  });
  return card("Report", "report",
    their(said.summary, "p"),
    said.reason && their(words.isReason(said.reason) ? capital(words.reason(said.reason)) + "." : said.reason, "p", { class: "quiet" }),
    quotes.length > 0 && make("h3", { text: "In the callee’s words" }),
    quotes.length > 0 && make("ul", { class: "quotes" }, ...quotes),
    said.nextSteps?.length > 0 && make("h3", { text: "To be done" }),
    said.nextSteps?.length > 0 && make("ul", {}, ...said.nextSteps.map((step) => their(step, "li"))),
    make("p", { class: "fine", text: "Words of the assistant’s model and of the callee." }),
  );
}

// attempts are every dial, each with the stages that it went through.
export function attempts({ call, steps }) {
  const rows = call.attempts.map((a) => {
    const ended = a.endedAt && Date.parse(a.endedAt) - Date.parse(a.startedAt);
    const gone = steps.filter((step) => step.attempt === a.number && step.event !== "ended" && step.event !== "retry");
    return make("li", {},
      make("p", { class: "one" }, make("b", { text: `${a.number}. ${words.statuses[a.status] ?? a.status}` }), make("span", { class: "quiet", text: [words.when(a.startedAt), ended && words.length(ended)].filter(Boolean).join(" · ") })),
      a.endReason && make("p", { text: capital(words.reason(a.endReason)) + "." }),
      a.error && their(a.error, "p", { class: "warn" }),
      gone.length > 0 && make("p", { class: "stages" }, ...gone.map((step) => make("span", { title: words.moment(step.at) }, words.stage(step.event), make("small", { text: words.time(step.at) })))),
      a.providerCallId && make("p", { class: "fine" }, their(a.providerCallId, "code")),
    );
  });
  if (!rows.length) rows.push(make("li", { class: "quiet", text: "It was not dialled yet." }));
  return card(`Attempts ${call.attempts.length} of ${call.maxAttempts}`, "tries", make("ol", { class: "tries" }, ...rows));
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// notification is whether the owner was told.
export function notification({ notification: n, ...call }) {
  if (!n) return words.isOver(call) ? card("Notification", "notice", make("p", { class: "quiet", text: "Nobody is told: notify.hooksUrl is not set." })) : undefined;
  return card("Notification", "notice", make("p", { class: "one" }, make("b", { class: "notice-" + n.state, text: words.notices[n.state] ?? n.state }), make("span", { class: "quiet", text: `${n.tries} ${n.tries === 1 ? "try" : "tries"}` })),
    n.lastError && their(n.lastError, "p", { class: "warn" }));
}

// cost is by kind. A rate that is not known is unknown, and never 0.
export function cost({ cost: c }) {
  if (!c) return undefined;
  const digits = [c.model, c.transcription, c.phone].some((value) => value >= 1) ? 2 : 4;
  const amount = (value) => (value === null || value === undefined ? unknown() : words.money(value, c.currency, digits));
  const tokens = c.tokens ?? {};
  const heard = c.transcriptionSeconds ? `${words.count(Math.round(c.transcriptionSeconds))} s` : c.transcriptionTokens ? `${words.count(c.transcriptionTokens)} tokens` : "";
  const line = (name, detail, value, className = "") => make("tr", { class: className }, make("th", { scope: "row" }, name, detail && make("small", { text: detail })), make("td", {}, amount(value)));
  return card("Cost", "cost",
    make("table", {}, make("tbody", {},
      line("Voice model", [c.modelName, used(tokens)].filter(Boolean).join(" · "), c.model),
      line("Transcription", heard, c.transcription),
      line("Phone", c.phoneMinutes ? `${c.phoneMinutes} ${c.phoneMinutes === 1 ? "minute" : "minutes"} billed` : "", c.phone),
      line("Total", "", c.total, "total"))),
    c.unknown?.length > 0 && make("div", { class: "fine" }, "Unknown, because:", make("ul", {}, ...c.unknown.map((why) => their(why, "li")))),
    c.pricesAsOf && make("p", { class: "fine", text: `Prices of ${c.pricesAsOf}.` }),
  );
}

function used(t) {
  const audio = (t.audioIn ?? 0) + (t.audioOut ?? 0), text = (t.textIn ?? 0) + (t.textOut ?? 0);
  return audio + text ? `${words.count(audio)} audio and ${words.count(text)} text tokens` : "";
}

// quality is how the last conversation went, technically.
export function quality({ quality: q }) {
  if (!q) return undefined;
  const ms = (value) => (value === null || value === undefined ? unknown() : words.seconds(value));
  const some = (n) => (n ? words.count(n) : undefined);
  return card("Quality", "quality", pairs([
    ["Turns", words.count(q.turns ?? 0)], ["Answers after, median", ms(q.turnP50Ms)], ["Slowest answer", ms(q.turnMaxMs)], ["First sound", ms(q.firstAudioMs)],
    ["Interruptions", words.count(q.bargeIns ?? 0)], ["Silent after an interruption", q.bargeIns ? ms(q.bargeInMaxMs) : undefined],
    ["Fillers", some(q.fillers)], ["Model reconnected", some(q.reconnects)], ["Frames dropped", some(q.framesDropped)], ["Bad messages", some(q.badMessages)],
    ["Gaps filled", q.silenceFilledMs ? words.seconds(q.silenceFilledMs) : undefined],
  ], "pairs numbers"));
}

// request is what was asked for.
export function request({ request: r, callId, cancelReason, lastError }) {
  const range = `${words.day(r.windowStart)} to ${words.day(r.windowEnd)}`;
  const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
  const hours = r.workingHours && `${r.workingHours.start}–${r.workingHours.end}, ${(r.workingHours.days ?? []).map((d) => days[d]).join(" ")}`;
  const more = Object.entries(r.metadata ?? {}).map(([key, value]) => [key, their(String(value))]);
  return card("Request", "request",
    their(r.goal, "p"),
    lastError && their(lastError, "p", { class: "warn" }),
    pairs([
      ["Appointment", `${r.durationMinutes} minutes`], ["For", r.userName && their(r.userName)], ["Between", range], ["Hours", hours], ["Zone", r.timezone],
      ["Callee’s zone", r.calleeTimezone !== r.timezone && r.calleeTimezone], ["Calendar", their(r.calendarId ?? "")], ["Stopped because", cancelReason && their(cancelReason)],
      ["From", r.origin?.channel && their(r.origin.channel)], ...more, ["Call", their(callId, "code")],
    ]),
  );
}
