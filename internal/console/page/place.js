// Where one is in the console, as the fragment of its address: a link that can be shared,
// and that back and forward find again. No DOM.

import { isCallId } from "./api.js";
import { outcomes, statuses } from "./words.js";

// read takes a fragment: {view: "call", id, attempt?, at?} or {view: "list", filters}.
// What it cannot use it leaves out.
export function read(fragment) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  if (given.has("call")) {
    const id = given.get("call");
    if (!isCallId(id)) return { view: "nowhere" };
    return { view: "call", id, attempt: whole(given.get("attempt")), at: whole(given.get("at")) };
  }
  const filters = {};
  if (Object.hasOwn(statuses, given.get("status") ?? "")) filters.status = given.get("status");
  if (Object.hasOwn(outcomes, given.get("outcome") ?? "")) filters.outcome = given.get("outcome");
  for (const name of ["from", "until"]) if (day(given.get(name) ?? "")) filters[name] = given.get(name);
  const to = number(given.get("to") ?? "");
  if (to) filters.to = to;
  return { view: "list", filters };
}

// write is read's inverse; no fragment where nothing is to be said.
export function write(place) {
  const said = new URLSearchParams();
  if (place.view === "call") {
    said.set("call", place.id);
    if (place.attempt) said.set("attempt", place.attempt);
    if (place.at) said.set("at", Math.round(place.at));
  } else {
    for (const name of ["status", "outcome", "from", "until", "to"]) if (place.filters?.[name]) said.set(name, place.filters[name]);
  }
  return String(said) && "#" + said;
}

// number is an exact E.164 number from what a person types, "" where it is none.
export function number(typed) {
  const digits = typed.replace(/[\s().\-/]/g, "").replace(/^00/, "+").replace(/^(?=[1-9])/, "+"); // a + in an address is often read as a blank
  return /^\+[1-9]\d{6,14}$/.test(digits) ? digits : "";
}

// query are the filters as GET /calls takes them: days are the user's own, the last one included.
export function query(filters, more = {}) {
  const asked = new URLSearchParams();
  for (const name of ["status", "outcome", "to"]) if (filters[name]) asked.set(name, filters[name]);
  if (filters.from) asked.set("from", day(filters.from).toISOString());
  if (filters.until) asked.set("until", day(filters.until, 1).toISOString());
  for (const [name, value] of Object.entries(more)) if (value) asked.set(name, value);
  return asked;
}

// fits says whether a summary that has changed still is what was asked for. Its number is
// masked: the server found it.
export function fits(filters, call) {
  const at = Date.parse(call.createdAt);
  return (!filters.status || filters.status === call.status)
    && (!filters.outcome || filters.outcome === call.outcome)
    && (!filters.from || at >= day(filters.from).getTime())
    && (!filters.until || at < day(filters.until, 1).getTime());
}

// day is the midnight at which a day begins, or one that many days later.
function day(text, later = 0) {
  const [, y, m, d] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  const at = new Date(Number(y), Number(m) - 1, Number(d) + later);
  const exact = later || (at.getMonth() === Number(m) - 1 && at.getDate() === Number(d));
  return y && exact && at.getFullYear() > 1970 ? at : undefined;
}

function whole(text) {
  return /^\d{1,9}$/.test(text ?? "") ? Number(text) : undefined;
}
