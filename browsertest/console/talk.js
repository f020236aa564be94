// Conversations as a media session keeps them: lines on one clock, as call.Line has them.

// Talk is written turn by turn; its clock stands at now.
export class Talk {
  constructor(attempt = 1, startedAt = "2026-03-01T14:02:11.000Z") {
    Object.assign(this, { attempt, startedAt, now: 0, told: [], spans: [], items: 0 });
    this.line(0, "started");
    this.line(180, "ready");
  }

  // line is told at a moment; where it tells of an earlier one, of says which.
  line(at, kind, more = {}, of = at) {
    this.told.push({ at, line: { atMs: Math.round(of), kind, ...more } });
    return this;
  }

  rest(ms) {
    this.now += ms;
    return this;
  }

  callee(text, ms = 300 + 62 * text.length) {
    const from = this.now, item = "c" + ++this.items;
    this.line(from, "callee_started").line(from + ms, "callee_stopped").line(from + ms + 180, "transcript", { speaker: "callee", item, text }, from);
    this.spans.push({ speaker: "callee", from, to: from + ms });
    this.now += ms;
    return this;
  }

  // agent answers after a wait; cut is how much of it was heard.
  agent(text, { wait = 900, cut, ms = 250 + 64 * text.length } = {}) {
    const from = this.now + wait, heard = cut ?? ms, item = "a" + ++this.items;
    this.line(from - 20, "first_audio", { ms: wait }).line(from, "agent_started", { item });
    this.line(from + Math.min(heard, 700), "transcript", { speaker: "agent", item, text }, from);
    for (let at = 1000; at < heard; at += 1000) this.line(from + at, "mark", { item, ms: at });
    if (cut === undefined) this.line(from + heard, "mark", { item, ms: heard });
    this.line(from + heard, "agent_stopped", { item, ms: heard, name: cut === undefined ? "played" : "cut" });
    this.spans.push({ speaker: "agent", from, to: from + heard });
    this.now = from + heard;
    return this;
  }

  interrupts(text) {
    this.now -= 200;
    const at = this.now;
    this.line(at + 40, "barge_in").line(at + 45, "clear").line(at + 46, "truncate", { item: "a" + this.items, ms: 1 });
    return this.callee(text);
  }

  tool(name, args, answer, ms = 320) {
    const item = "call_" + ++this.items, at = this.now + 250;
    this.line(at, "tool_called", { name, item, data: args }).line(at + ms, "tool_answered", { name, item, ms, data: answer });
    this.now = at + ms;
    return this;
  }

  happens(kind, more = {}) {
    return this.line(this.now + 20, kind, more);
  }

  // lines are all of it, numbered, with the levels of each second.
  lines() {
    const end = this.now + 400;
    this.left = {};
    for (let at = 0; at < end; at += 1000) {
      const values = (speaker) => Array.from({ length: Math.min(10, Math.ceil((end - at) / 100)) }, (_, i) => this.loud(speaker, at + 100 * i));
      this.told.push({ at: at + 1000, line: { atMs: at, kind: "levels", callee: values("callee"), agent: values("agent") } });
    }
    this.told.sort((a, b) => a.at - b.at);
    return this.told.map(({ at, line }, i) => ({ told: at, line: { n: i + 1, ...line } }));
  }

  // loud is asked in order of time.
  loud(speaker, at) {
    const list = (this.left[speaker] ??= this.spans.filter((span) => span.speaker === speaker));
    while (list.length && list[0].to <= at) list.shift();
    if (!list.length || list[0].from > at) return at % 700 === 0 ? 2 : 0;
    const wave = Math.abs(Math.sin(at / 260) * Math.cos(at / 97 + 0.4)); // syllables
    return Math.round(26 + 58 * wave);
  }

  timeline(complete = true) {
    const lines = this.lines().map(({ line }) => line);
    return { attempt: this.attempt, startedAt: this.startedAt, complete, durationMs: this.now + 400, lines };
  }
}
