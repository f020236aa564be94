// A conversation from its timeline's lines: who spoke when and how loud, what was said, and
// what happened beside it, all on one clock, in milliseconds. No DOM.

export const levelEvery = 100;

// Conversation takes lines in order, as often as they come.
export class Conversation {
  constructor({ attempt, startedAt, complete = false, durationMs = 0, cut = false, lines = [] }) {
    Object.assign(this, { attempt, startedAt, complete, cut, durationMs });
    this.last = 0; // the number of the last line
    this.levels = { callee: new Levels(), agent: new Levels() };
    this.spans = { callee: [], agent: [] }; // {from, to?, item?, cut?}
    this.entries = []; // what stands in the transcript, in order of time
    this.latencies = []; // {at, ms}: the callee's silence before the agent's first sound
    this.tools = []; // entries too
    this.marks = []; // {at, item, ms}
    this.bargeIns = []; // entries too
    this.spoken = new Map(); // entries of speech by speaker and item
    this.began = new Map(); // when the phone began to play an item
    for (const line of lines) this.add(line);
  }

  // add takes one line and returns the entry that it made or changed, if any. A line that
  // is known already changes nothing.
  add(line) {
    if (line.n && line.n <= this.last) return undefined;
    this.last = line.n ?? this.last;
    this.durationMs = Math.max(this.durationMs, line.atMs ?? 0);
    const entry = readers[line.kind]?.(this, line);
    if (entry && !entry.placed) this.place(entry);
    return entry;
  }

  // move gives an entry another time.
  move(entry, at) {
    this.entries.splice(this.entries.indexOf(entry), 1);
    Object.assign(entry, { at, placed: false, moved: true });
    return entry;
  }

  // place puts an entry where its time is: words come after what they say was spoken.
  place(entry) {
    entry.placed = true;
    entry.key = `${this.attempt}.${this.last}`;
    let at = this.entries.length;
    while (at > 0 && this.entries[at - 1].at > entry.at) at--;
    this.entries.splice(at, 0, entry);
  }

  // talking is who speaks at a moment.
  talking(at) {
    return ["callee", "agent"].filter((speaker) => this.spans[speaker].some(({ from, to = this.durationMs }) => from <= at && at < to));
  }

  // entryAt is the entry that is current at a moment: the last one to have begun.
  entryAt(at) {
    let low = 0, high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.entries[middle].at <= at) low = middle + 1;
      else high = middle;
    }
    return this.entries[low - 1];
  }
}

// Levels grow by whatever comes; what never came is silent.
export class Levels {
  constructor() {
    this.values = new Uint8Array(1024);
    this.length = 0;
  }

  put(atMs, list = []) {
    const from = Math.max(0, Math.round(atMs / levelEvery));
    if (from > 1e6) return; // more than a day: not a call of ours
    const end = from + list.length;
    if (end > this.values.length) {
      const more = new Uint8Array(2 * end);
      more.set(this.values);
      this.values = more;
    }
    for (let i = 0; i < list.length; i++) this.values[from + i] = Math.max(0, Math.min(100, list[i]));
    this.length = Math.max(this.length, end);
  }

  // loudest between two moments.
  loudest(fromMs, toMs) {
    const from = Math.max(0, Math.floor(fromMs / levelEvery)), to = Math.min(this.length, Math.max(from + 1, Math.ceil(toMs / levelEvery)));
    let most = 0;
    for (let i = from; i < to; i++) if (this.values[i] > most) most = this.values[i];
    return most;
  }
}

// proof finds the callee's words that a quote of the report stands on: those that hold it,
// of them the nearest to its time; else the nearest at all, within a few seconds.
export function proof(conversations, { quote, atMs }) {
  const plain = (text) => (text ?? "").toLowerCase().replace(/[\p{P}\s]+/gu, " ").trim();
  const wanted = plain(quote);
  let best;
  for (const conversation of conversations) {
    for (const entry of conversation.entries) {
      if (entry.kind !== "speech" || entry.speaker !== "callee") continue;
      const away = Math.min(Math.abs(entry.at - atMs), Math.abs((entry.told ?? entry.at) - atMs)), holds = wanted !== "" && plain(entry.text).includes(wanted);
      if (!holds && away > 3000) continue;
      const better = !best || (holds !== best.holds ? holds : away <= best.away);
      if (better) best = { conversation, entry, holds, away };
    }
  }
  return best;
}

const speech = (speaker, at, text, more = {}) => ({ kind: "speech", speaker, at, text, ...more });
const happened = (kind, at, more = {}) => ({ kind, at, ...more });

// readers are what the kinds of lines mean. What is not here is not shown.
const readers = {
  levels(c, { atMs, callee, agent }) {
    c.levels.callee.put(atMs, callee);
    c.levels.agent.put(atMs, agent);
    c.durationMs = Math.max(c.durationMs, atMs + levelEvery * Math.max(callee?.length ?? 0, agent?.length ?? 0));
  },
  callee_started: (c, { atMs }) => void begin(c.spans.callee, { from: atMs }),
  callee_stopped: (c, { atMs }) => void finish(c.spans.callee, atMs),
  agent_started(c, { atMs, item }) {
    begin(c.spans.agent, { from: atMs, item });
    c.began.set(item, atMs);
    const said = c.spoken.get("agent " + item);
    return said && c.move(said, atMs);
  },
  agent_stopped(c, { atMs, item, ms, name }) {
    const span = finish(c.spans.agent, atMs);
    if (!span || name !== "cut") return undefined;
    span.cut = true;
    const said = c.spoken.get("agent " + item);
    if (!said) return void (c.cutItems ??= new Map()).set(item, ms);
    said.cutAfter = ms;
    return said;
  },
  transcript(c, { atMs, speaker, item, text }) {
    const known = item && c.spoken.get(speaker + " " + item);
    if (known) { // words of a connection that broke come in part, and again
      known.text = text;
      return known;
    }
    const agent = speaker === "agent";
    const said = speech(agent ? "agent" : "callee", agent ? (c.began.get(item) ?? atMs) : heardFrom(c, atMs), text ?? "", { item, told: atMs });
    if (c.cutItems?.has(item)) said.cutAfter = c.cutItems.get(item);
    if (agent) claim(c, said);
    c.spoken.set(speaker + " " + item, said);
    return said;
  },
  first_audio(c, { atMs, ms }) {
    if (!ms) return undefined; // it went on speaking: nobody waited
    const latency = { at: atMs, ms };
    c.latencies.push(latency);
    const said = c.entries.findLast((entry) => entry.kind === "speech" && entry.speaker === "agent" && Math.abs((entry.told ?? entry.at) - atMs) < near && entry.latency === undefined);
    if (!said) return undefined;
    said.latency = ms;
    latency.told = true;
    return said;
  },
  mark: (c, { atMs, item, ms }) => void c.marks.push({ at: atMs, item, ms }),
  tool_called(c, { atMs, name = "", item, data }) {
    const tool = happened("tool", atMs, { name, item, args: data });
    c.tools.push(tool);
    return tool;
  },
  tool_answered(c, { atMs, name, item, ms, data }) {
    const tool = c.tools.find((t) => t.to === undefined && (item ? t.item === item : t.name === name));
    return tool && Object.assign(tool, { to: atMs, ms, answer: data });
  },
  barge_in(c, { atMs }) {
    const entry = happened("barge_in", atMs);
    c.bargeIns.push(entry);
    return entry;
  },
  filler(c, { atMs, text, item }) {
    const said = speech("agent", atMs, text ?? "", { item, filler: true, told: atMs });
    if (item) c.spoken.set("agent " + item, said);
    return said;
  },
  backchannel: (c, { atMs }) => happened("backchannel", atMs),
  dtmf: (c, { atMs }) => happened("dtmf", atMs),
  disclosure_played: (c, { atMs }) => happened("disclosure", atMs),
  farewell_started: (c, { atMs, name }) => happened("farewell", atMs, { name }),
  apology: (c, { atMs, name }) => happened("apology", atMs, { name }),
  response_failed: (c, { atMs, name }) => happened("response_failed", atMs, { name }),
  model_lost: (c, { atMs }) => happened("model_lost", atMs),
  reconnected: (c, { atMs, ms }) => happened("reconnected", atMs, { ms }),
  renewed: (c, { atMs }) => happened("renewed", atMs),
  ended(c, { atMs, name }) {
    for (const spans of Object.values(c.spans)) finish(spans, atMs);
    return happened("ended", atMs, { name });
  },
};

const near = 2500; // between the first sound of a turn and the beginning of its words, at most

// heardFrom is when the callee began to say what was told at a moment: models time words by
// their end. Each stretch of speech is the beginning of one text.
function heardFrom(c, told) {
  const span = c.spans.callee.findLast(({ from }) => from <= told);
  if (!span || span.said || told - (span.to ?? told) > near) return told;
  span.said = true;
  return span.from;
}

// claim gives words the latency that was told before them.
function claim(c, said) {
  const latency = c.latencies.findLast((l) => !l.told && Math.abs(l.at - said.told) < near);
  if (!latency) return;
  latency.told = true;
  said.latency = latency.ms;
}

function begin(spans, span) {
  if (spans.length && spans.at(-1).to === undefined) spans.at(-1).to = span.from;
  spans.push(span);
}

function finish(spans, at) {
  const span = spans.at(-1);
  if (!span || span.to !== undefined) return undefined;
  span.to = at;
  return span;
}
