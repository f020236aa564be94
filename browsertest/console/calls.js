// Calls as the server tells of them: documents of GET /calls/{id}, and their summaries.

import { Talk } from "./talk.js";

const minute = 60_000;
export const now = Date.parse("2026-03-01T15:00:00Z"); // a Sunday afternoon, when all of this is looked at
const iso = (ms) => new Date(ms).toISOString();

const mask = (to) => to.slice(0, 2) + "******" + to.slice(-4);

// summary is what the list has of a call.
export function summary({ call, timelines }) {
  const { callId, createdAt, updatedAt, completedAt, status, outcome, attempt, maxAttempts, nextAttemptAt, cancelRequestedAt, event, cost, notification, request } = call;
  return JSON.parse(JSON.stringify({
    callId, createdAt, updatedAt, completedAt, status, outcome, attempt, maxAttempts, nextAttemptAt, cancelRequestedAt,
    to: mask(request.to), calleeName: request.calleeName, userName: request.userName, goal: request.goal,
    event: event && { start: event.start, end: event.end, timezone: event.timezone },
    durationMs: timelines.reduce((sum, t) => sum + t.durationMs, 0),
    cost: cost && { currency: cost.currency, total: cost.total }, notification: notification && { state: notification.state },
  }));
}

// made fills in what every call has.
function made(id, { ago, status, outcome, attempts, timelines = [], recordings = [], keeps = {}, request = {}, steps, ...more }) {
  const createdAt = iso(now - ago);
  const over = ["completed", "busy", "no_answer", "failed", "canceled"].includes(status);
  const ended = attempts.at(-1)?.endedAt ?? createdAt;
  const call = {
    callId: id, createdAt, updatedAt: ended, completedAt: over ? ended : undefined, status, outcome, attempt: attempts.length, maxAttempts: 3, attempts,
    request: {
      to: "+14155550123", goal: "Book a dental check-up", durationMinutes: 30, timezone: "America/Los_Angeles", calleeTimezone: "America/Los_Angeles", windowStart: iso(now), windowEnd: iso(now + 14 * 1440 * minute),
      workingHours: { start: "09:00", end: "17:00", days: [1, 2, 3, 4, 5] }, calendarId: "primary", userName: "Alex Morgan", calleeName: "Bright Smile Dental", ...request,
    },
    ...more,
  };
  const stages = steps ?? [{ event: "queued", at: createdAt }, ...attempts.flatMap(stagesOf), ...(over ? [{ event: "ended", at: ended, attempt: attempts.length, status, outcome, endReason: attempts.at(-1)?.endReason }] : [])];
  return JSON.parse(JSON.stringify({ call, steps: stages.map((step, i) => ({ id: i + 1, ...step })), timelines, recordings, keeps: { transcript: true, recording: true, days: 30, ...keeps } }));
}

function stagesOf({ number, startedAt, answered, reached = [] }) {
  const at = (ms) => iso(Date.parse(startedAt) + ms);
  return [["dialing", 0], ["ringing", 1500], ...(answered ? [["answered", 5400]] : []), ...reached].map(([event, ms]) => ({ event, attempt: number, at: at(ms) }));
}

const attempt = (number, ago, length, status, endReason, more = {}) => ({ number, status, endReason, providerCallId: `CA${number}f6d0a97c2be4410f8a1e`, startedAt: iso(now - ago), endedAt: length === undefined ? undefined : iso(now - ago + length), ...more });

const cost = (more = {}) => ({
  currency: "USD", model: 0.0874, transcription: 0.0061, phone: 0.0139, total: 0.1074, modelName: "gpt-realtime-2.1", pricesAsOf: "2026-02-23",
  tokens: { textIn: 4120, textCached: 2816, textOut: 391, audioIn: 1460, audioCached: 512, audioOut: 1044 }, transcriptionSeconds: 61, phoneMinutes: 2, ...more,
});

const quality = (more = {}) => ({ attempt: 1, durationMs: 74_000, firstAudioMs: 1340, firstAudioModelMs: 870, turns: 7, turnP50Ms: 910, turnMaxMs: 2340, bargeIns: 1, bargeInMaxMs: 62.4, overheadMaxMs: 3.1, fillers: 1, reconnects: 0, framesDropped: 0, badMessages: 0, silenceFilledMs: 0, ...more });

const event = { eventId: "5e8a28ba5a9b096519f3380d8e4bd34a@call-agent", calendarId: "primary", start: "2026-03-03T09:30:00-08:00", end: "2026-03-03T10:00:00-08:00", timezone: "America/Los_Angeles", summary: "Dental check-up" };

export function bookingTalk(number = 1) {
  return new Talk(number).rest(900).callee("Bright Smile Dental, good morning?").agent("Hello, this is an AI assistant calling on behalf of Alex Morgan.", { wait: 700 }).happens("disclosure_played")
    .agent("I would like to make an appointment for a dental check-up, thirty minutes, some time next week if that is", { wait: 350, cut: 4300 }).interrupts("Sure, one second, let me open the book. Do mornings work?")
    .tool("calendar_find_slots", {}, { slots: [{ start: "2026-03-03T09:30:00-08:00", end: "2026-03-03T10:00:00-08:00" }, { start: "2026-03-04T11:00:00-08:00", end: "2026-03-04T11:30:00-08:00" }], timezone: "America/Los_Angeles" }, 1380)
    .happens("filler", { text: "One moment, please.", item: "f1" }).rest(1400)
    .agent("How about Tuesday, the third of March, at half past nine? Would that suit you?", { wait: 2340 }).rest(600)
    .callee("Half past nine, Tuesday… let me see… yes, that works.").tool("calendar_check_slot", { start: "2026-03-03T09:30:00-08:00" }, { free: true }, 210)
    .agent("Good. So that is Tuesday the third of March at half past nine. Is that right?", { wait: 820 }).rest(400).callee("Yes, that is right.")
    .tool("calendar_create_event", { start: "2026-03-03T09:30:00-08:00", title: "Dental check-up" }, { booked: true, start: "2026-03-03T09:30:00-08:00" }, 640)
    .happens("farewell_started", { name: "booked" }).agent("It is booked. Thank you very much, and goodbye.", { wait: 880 }).happens("farewell_played").rest(500).callee("Thank you, bye.").rest(600).happens("ended", { name: "booked" });
}

// booked is a call as they should be.
export function booked(id = "Bk3kPzQ1booked", more = {}) {
  const timeline = bookingTalk().timeline();
  return made(id, {
    ago: 58 * minute, status: "completed", outcome: "booked", attempts: [attempt(1, 58 * minute, timeline.durationMs + 5400, "completed", "booked", { answered: true, reached: [["proposing", 26_000], ["booked", 52_000]] })],
    timelines: [timeline], recordings: [{ attempt: 1, bytes: 44 + 16 * timeline.durationMs, durationMs: timeline.durationMs }], event, cost: cost(), quality: quality(), notification: { state: "delivered", tries: 2, lastError: "the first try: 503 Service Unavailable" },
    report: { summary: "Booked a dental check-up for Alex Morgan on Tuesday, 3 March at 09:30.", nextSteps: ["Bring the insurance card."], evidence: [{ quote: "Half past nine, Tuesday… let me see… yes, that works.", atMs: 29_800 }, { quote: "Yes, that is right.", atMs: 42_000 }], untrusted: true },
    request: { metadata: { ticket: "OPS-1182" }, origin: { channel: "telegram" } }, ...more,
  });
}

// retried was busy, then unanswered, and waits for its last attempt.
export function retried(id = "Rt7busyThenRetry") {
  return made(id, {
    ago: 31 * minute, status: "queued", outcome: "pending", nextAttemptAt: iso(now + 12 * minute),
    attempts: [attempt(1, 31 * minute, 9000, "busy", "busy"), attempt(2, 24 * minute, 27_000, "no_answer", "no_answer")],
    request: { to: "+493012345678", calleeName: "Praxis Dr. Öztürk", goal: "Arrange a first appointment, 20 minutes, in the mornings", userName: "Robin" },
  });
}

export function voicemail(id = "Vm2voicemail") {
  const talk = new Talk(2).rest(1200).callee("You have reached the Harbour Street garage. We are closed now. Please leave a message after the tone.").rest(200).happens("ended", { name: "machine" });
  return made(id, {
    ago: 180 * minute, status: "no_answer", outcome: "not_booked", maxAttempts: 2, attempts: [attempt(1, 180 * minute, 30_000, "no_answer", "no_answer"), attempt(2, 176 * minute, 14_000, "no_answer", "machine", { answered: true })],
    timelines: [talk.timeline()], cost: cost({ model: 0.0041, transcription: 0.0004, phone: null, total: null, unknown: ["prices.phone_minute is not set"], phoneMinutes: 1 }), quality: quality({ attempt: 2, turns: 0, turnP50Ms: null, turnMaxMs: null, bargeIns: 0, fillers: 0 }),
    notification: { state: "given_up", tries: 9, lastError: "connect: connection refused" }, request: { to: "+442079460958", calleeName: "Harbour Street Garage", goal: "Bring the car in for its inspection" },
  });
}

export function modelLost(id = "Ml9modelLost") {
  const first = new Talk(1).rest(800).callee("Hello?").agent("Hello, this is an AI assistant calling on behalf of Alex Morgan.", { wait: 900 }).happens("disclosure_played").callee("Yes, what is it about?").rest(400)
    .happens("model_lost").rest(2400).happens("reconnected", { ms: 2400 }).agent("I would like to make an appointment.", { wait: 700 }).rest(700).callee("Who are you with?").happens("model_lost").happens("apology", { name: "model_lost" }).rest(3000).happens("ended", { name: "model_lost" });
  const second = bookingTalk(2);
  return made(id, {
    ago: 26 * 60 * minute, status: "completed", outcome: "unconfirmed",
    attempts: [attempt(1, 26 * 60 * minute, 28_000, "failed", "model_lost", { answered: true, error: "the model’s connection broke twice" }), attempt(2, 26 * 60 * minute - 90_000, 80_000, "completed", "booked", { answered: true })],
    timelines: [{ ...first.timeline(), cut: true }, second.timeline()], recordings: [{ attempt: 2, bytes: 44 + 16 * 31_000, durationMs: 31_000 }], event, cost: cost({ total: 0.2213 }), quality: quality({ attempt: 2 }), notification: { state: "pending", tries: 3, lastError: "502 Bad Gateway" },
    report: { summary: "The appointment was made, and the callee then took it back.", reason: "changed their mind", evidence: [{ quote: "Yes, that is right.", atMs: 42_000 }], untrusted: true }, request: { to: "+13125550188", calleeName: "Lakeview Physiotherapy" },
  });
}

// live is under way; its lines are played by the stub.
export function live(id = "Lv5onThePhone") {
  const call = made(id, {
    ago: minute / 2, status: "in_progress", outcome: "pending", attempts: [attempt(1, minute / 2, undefined, "in_progress", undefined, { answered: true })], timelines: [], request: { to: "+14155550177", calleeName: "Nina’s Hair Studio", goal: "A haircut on Saturday, if there is room" },
  });
  return { ...call, talk: bookingTalk() };
}

const nasty = ["<img src=x onerror=alert(1)><script>alert(2)</script>", "مرحبا، هل يناسبك الثلاثاء؟", "שלום, מתאים לך יום שלישי?", "\u202egnp.exe\u202c & &amp; <b>bold</b>", "W".repeat(300)];

export function hostile(id = "Xx1markupAndRtl") {
  const talk = new Talk();
  nasty.forEach((words, i) => (i % 2 ? talk.agent(words) : talk.rest(300).callee(words, 3000)));
  talk.tool("calendar_find_slots", { note: "<b onclick=alert(3)>" }, nasty[0]);
  return made(id, {
    ago: 49 * 60 * minute, status: "completed", outcome: "not_booked", attempts: [attempt(1, 49 * 60 * minute, 60_000, "completed", "refused", { answered: true, error: nasty[0] })], timelines: [talk.timeline()], keeps: { recording: false },
    report: { summary: nasty[0], reason: nasty[1], nextSteps: nasty, evidence: nasty.map((quote, i) => ({ quote, atMs: 4000 * i })), untrusted: true }, lastError: nasty[3], notification: { state: "given_up", tries: 1, lastError: nasty[0] },
    request: { calleeName: "عيادة الأسنان <b>&amp;</b>", userName: nasty[2], goal: nasty[0], metadata: { [nasty[0]]: nasty[4] } },
  });
}
export { nasty };

// long lasted two hours.
export function long(id = "Lg2hours") {
  const talk = new Talk().rest(500).callee("City office, please hold the line.").agent("Hello, this is an AI assistant calling on behalf of Alex Morgan.");
  for (let i = 1; talk.now < 7_190_000; i++) {
    talk.rest(2600).callee(`All our clerks are busy. You are number ${Math.max(1, 400 - i)} in the line, please hold.`).agent(i % 9 ? "I will hold." : "I am still here, and I will go on holding until somebody has time for me.");
    if (i % 40 === 0) talk.tool("calendar_find_slots", {}, { slots: [] });
  }
  const timeline = talk.happens("ended", { name: "max_length" }).timeline();
  return made(id, { ago: 74 * 60 * minute, status: "completed", outcome: "not_booked", attempts: [attempt(1, 74 * 60 * minute, timeline.durationMs, "completed", "max_length", { answered: true })], timelines: [timeline], cost: cost({ model: 31.442, total: 31.9 }), quality: quality({ turns: 800 }), request: { calleeName: "City Office", to: "+18005550142", goal: "Find out when a passport can be renewed" } });
}

// missing has words and no recording.
export const missing = (id = "Ms4noRecording") => booked(id, { ago: 30 * 60 * minute, recordings: [] });

// many are ten thousand calls, alike and each its own.
export function many(count = 10_000) {
  const names = ["Bright Smile Dental", "Harbour Street Garage", "Lakeview Physiotherapy", "City Office", "Nina’s Hair Studio", "Praxis Dr. Öztürk", "Café Lumière", "Oakwood Vets"];
  const kinds = [["completed", "booked"], ["completed", "not_booked"], ["no_answer", "not_booked"], ["busy", "not_booked"], ["completed", "booked"], ["completed", "unconfirmed"], ["failed", "not_booked"], ["canceled", "not_booked"]];
  return Array.from({ length: count }, (_, i) => {
    const [status, outcome] = kinds[i % kinds.length], at = iso(now - (i + 5) * 17 * minute);
    return {
      callId: "many" + String(i).padStart(6, "0"), createdAt: at, updatedAt: at, completedAt: at, status, outcome, to: "+1******" + String(1000 + (i % 9000)).padStart(4, "0"), calleeName: names[(i * 7) % names.length],
      userName: i % 3 ? "Alex Morgan" : undefined, goal: "Book an appointment, " + (15 + (i % 4) * 15) + " minutes", attempt: 1 + (i % 3 === 1), maxAttempts: 3, event: outcome === "booked" ? { start: iso(now + i * minute), end: iso(now + (i + 30) * minute), timezone: "America/Los_Angeles" } : undefined,
      durationMs: status === "completed" ? 30_000 + ((i * 7919) % 120_000) : 0, cost: status === "completed" ? { currency: "USD", total: i % 11 ? 0.05 + (i % 90) / 1000 : null } : undefined, notification: { state: "delivered" },
    };
  });
}
