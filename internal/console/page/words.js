// What the console calls things: the contract's words as a person says them. No DOM.

// statuses and outcomes are the contract's lists, each with its words and its looks.
export const statuses = {
  queued: "Waiting", dialing: "Dialling", ringing: "Ringing", in_progress: "On the phone",
  completed: "Completed", busy: "Busy", no_answer: "No answer", failed: "Failed", canceled: "Cancelled",
};
export const outcomes = { pending: "Pending", booked: "Booked", not_booked: "Not booked", unconfirmed: "Unconfirmed" };

// word is a code's in a list, and none for a code that is the name of something else, such as constructor.
const word = (list, code) => (Object.hasOwn(list, code ?? "") ? list[code] : undefined);

const final = new Set(["completed", "busy", "no_answer", "failed", "canceled"]);
const live = new Set(["dialing", "ringing", "in_progress"]);

// over, on and talking are how far a call is.
export const isOver = (call) => final.has(call.status);
export const isLive = (call) => live.has(call.status);
export const isTalking = (call) => call.status === "in_progress";

// standing is the one word for a call in a list, and its looks.
export function standing(call) {
  if (!isOver(call)) return { text: word(statuses, call.status) ?? call.status, looks: isLive(call) ? "live" : "waiting" };
  return { text: word(outcomes, call.outcome) ?? call.outcome, looks: call.outcome };
}

// reasons are why an attempt ended: the closed list of call/reason.go.
const reasons = {
  booked: "booked an appointment", refused: "the callee did not want one", voicemail: "a voicemail answered", wrong_number: "it was the wrong number",
  callback: "the callee will call back", unclear: "it stayed unclear", callee_hangup: "the callee hung up", silence: "nobody said anything for too long",
  max_length: "it reached the longest time", machine: "a machine answered", busy: "the line was busy", no_answer: "nobody answered",
  canceled: "it was cancelled", provider_failed: "the phone company reported a failure", dial_refused: "the phone company refused to dial",
  rate_limited: "the phone company asked to slow down", provider_unreachable: "the phone company could not be reached",
  dial_unknown: "whether it was dialled is not known", greeting_unheard: "the callee never heard the greeting", stream_unopened: "the audio stream was never opened",
  provider_lost: "the phone company lost the call", phone_lost: "the phone's audio stopped coming", bad_stream: "the audio stream could not be used",
  model_lost: "the voice model was lost", model_silent: "the voice model did not speak", disclosure_missing: "the assistant did not say that it is an AI",
  drained: "the server was taken out of service", host_lost: "the server was lost during the call",
};
export const reason = (code) => word(reasons, code) ?? code?.replaceAll("_", " ") ?? "";
export const isReason = (text) => Object.hasOwn(reasons, text ?? "");

const stages = {
  queued: "Taken", dialing: "Dialled", ringing: "Rang", answered: "Answered", proposing: "Times were offered",
  booked: "Booked", retry: "To be tried again", ended: "Over",
};
export const stage = (event) => word(stages, event) ?? event;

const tools = {
  calendar_find_slots: "Looked for free times", calendar_check_slot: "Checked a time", calendar_create_event: "Booked in the calendar",
  end_call: "Decided to end the call",
};
export const tool = (name) => word(tools, name) ?? name.replaceAll("_", " ");

export const notices = { pending: "On its way", delivered: "Delivered", given_up: "Given up" };

// mask shows enough of a number to know it again, as the server masks it (call.MaskNumber).
export function mask(number) {
  if (number.length <= 6) return "*".repeat(number.length);
  return number.slice(0, 2) + "*".repeat(number.length - 6) + number.slice(-4);
}

// dots draws a masked number's middle as is usual on a screen.
export const dots = (masked) => masked.replace(/^(\+\d)\*+/, "$1 ••• ••• ").replaceAll("*", "•");

// length is a duration such as 1:02 or 1:02:03.
export function length(ms) {
  const s = Math.floor(Math.max(0, ms) / 1000);
  const two = (n) => String(n).padStart(2, "0");
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

// spoken is a duration for those who hear the page.
export function spoken(ms) {
  const s = Math.round(Math.max(0, ms) / 1000);
  const parts = [[Math.floor(s / 3600), "hour"], [Math.floor(s / 60) % 60, "minute"], [s % 60, "second"]].filter(([n]) => n);
  return parts.map(([n, unit]) => `${n} ${unit}${n === 1 ? "" : "s"}`).join(" ") || "0 seconds";
}

// seconds are tenths of them, and for less milliseconds.
export const seconds = (ms) => (ms < 100 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

// money never says 0 of what is not known.
export function money(amount, currency = "USD", digits = 2) {
  if (amount === null || amount === undefined) return "unknown";
  const least = 10 ** -digits, small = amount > 0 && amount < least;
  const written = numbers({ style: "currency", currency, currencyDisplay: "narrowSymbol", minimumFractionDigits: digits, maximumFractionDigits: digits });
  return (small ? "< " : "") + written.format(small ? least : amount);
}

export const count = (n) => numbers({}).format(n);

export function bytes(n) {
  return n < 1 << 20 ? `${Math.ceil(n / 1024)} KB` : `${(n / (1 << 20)).toFixed(1)} MB`;
}

// formats are made once: they are dear, and a list asks for many.
const formats = new Map();

function made(Format, options) {
  const key = Format.name + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Format("en-GB", options));
  return formats.get(key);
}

const format = (options) => made(Intl.DateTimeFormat, options);
const numbers = (options) => made(Intl.NumberFormat, options);

const clock = { hour: "2-digit", minute: "2-digit" };

// when is a moment as one says it on that day: the time today, the day before it else.
export function when(at, now = Date.now()) {
  const date = new Date(at), today = new Date(now);
  if (date.toDateString() === today.toDateString()) return format(clock).format(date);
  const year = date.getFullYear() === today.getFullYear() ? {} : { year: "numeric" };
  return format({ day: "numeric", month: "short", ...year, ...clock }).format(date);
}

// day is a moment with its day of the week.
export function day(at, now = Date.now()) {
  const date = new Date(at);
  const year = date.getFullYear() === new Date(now).getFullYear() ? {} : { year: "numeric" };
  return format({ weekday: "short", day: "numeric", month: "short", ...year, ...clock }).format(date);
}

export const moment = (at) => format({ weekday: "short", day: "numeric", month: "short", year: "numeric", ...clock, second: "2-digit" }).format(new Date(at));
export const time = (at) => format({ ...clock, second: "2-digit" }).format(new Date(at));

// slot is a booked time in its own zone.
export function slot({ start, end, timezone }) {
  const within = (options) => {
    try {
      return format({ ...options, timeZone: timezone });
    } catch {
      return format({ ...options, timeZone: "UTC" }); // a zone that this browser does not know
    }
  };
  const day = within({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
  const short = within({ weekday: "short", day: "numeric", month: "short", ...clock });
  const hours = within(clock);
  const [from, to] = [new Date(start), new Date(end)];
  return { day: day.format(from), hours: `${hours.format(from)} – ${hours.format(to)}`, short: short.format(from), zone: hours.resolvedOptions().timeZone };
}

// until says how far away a moment is.
export function until(at, now = Date.now()) {
  const minutes = Math.round((Date.parse(at) - now) / 60_000);
  if (minutes < 1) return "now";
  if (minutes < 60) return `in ${minutes} min`;
  if (minutes < 48 * 60) return `in ${Math.round(minutes / 60)} h`;
  return `in ${Math.round(minutes / 1440)} days`;
}
