// A server of the console's API that does what a test says: it has the calls that it is
// given, and breaks in the ways that servers and networks break.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fits } from "../../internal/console/page/place.js";
import { summary } from "./calls.js";

const page = new URL("../../internal/console/page/", import.meta.url);
const types = { html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml" };

// policy is the one that the server sends, read where it stands: a test of Go's says that it is sent.
const policy = [...readFileSync(new URL("../console.go", page), "utf8").match(/contentSecurityPolicy = ([^)]*?)\n\n/s)[1].matchAll(/"([^"]*)"/g)].map((m) => m[1]).join("");

const piece = 200_000; // bytes of a recording in one answer, whatever is asked

export class Stub {
  static async start(calls) {
    const stub = new Stub(calls);
    stub.server = createServer((req, res) => stub.answer(req, res).catch((error) => (res.destroy(), stub.faults.push(error))));
    stub.server.listen(0, "localhost");
    await once(stub.server, "listening");
    stub.base = "http://localhost:" + stub.server.address().port;
    return stub;
  }

  // calls are documents; the list may hold more than those.
  constructor(calls) {
    this.calls = new Map(calls.map((call) => [call.call.callId, call]));
    this.list = calls.map(summary);
    this.more = [];
    this.tokens = new Set(["good"]);
    this.asked = []; // every request to the API
    this.streams = new Set();
    this.faults = [];
    this.trouble = undefined; // (path) => {status, code, message} or undefined
    this.silent = false; // streams say nothing, and stay open
    this.recordings = { give: Infinity }; // bytes, of which no more are given
  }

  async answer(req, res) {
    const url = new URL(req.url, this.base), path = url.pathname;
    if (path === "/empty") return res.writeHead(200, { "Content-Type": types.html }).end("<!doctype html><html lang=en><title>empty</title><p>empty");
    if (path.startsWith("/console")) return this.file(path, res);
    this.asked.push({ method: req.method, path: req.url, token: req.headers.authorization });
    if (this.down) return res.destroy();
    if (!this.open && !this.tokens.has((req.headers.authorization ?? "").replace("Bearer ", ""))) return this.error(res, 401, "unauthorized", "A token is wanted.");
    const trouble = this.trouble?.(path, url);
    if (trouble) return this.error(res, trouble.status, trouble.code, trouble.message);
    const stream = req.headers.accept === "text/event-stream";
    const [, id, part] = /^\/calls\/([^/]+)\/?(\w*)$/.exec(path) ?? [];
    if (path === "/calls") return stream ? this.listStream(url, res) : this.json(res, this.page(url));
    if (path === "/tools/call_agent_cancel") return this.cancel(req, res);
    const call = this.calls.get(id);
    if (!call) return this.error(res, 404, "not_found", "There is no such call. Use the callId that call_agent returned, with the same token.");
    if (part === "events") return this.callStream(call, url, res);
    if (part === "recording") return this.recording(call, req, url, res);
    if (req.method === "DELETE") return this.delete(id, res);
    return this.json(res, { ok: true, call: call.call, steps: call.steps, timelines: call.timelines, recordings: call.recordings, keeps: call.keeps });
  }

  file(path, res) {
    const name = path === "/console" ? "console.html" : path.slice("/console/".length);
    res.writeHead(200, { "Content-Type": types[name.split(".").at(-1)], "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "same-origin" });
    res.end(readFileSync(new URL(name, page)));
  }

  json(res, body) {
    res.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store" }).end(JSON.stringify(body));
  }

  error(res, status, code, message) {
    res.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify({ ok: false, error: { code, message } }));
  }

  found(url) {
    if (!this.list.length && !/(status|outcome|from|until|to)=/.test(url.search)) return this.more; // thousands, and in order
    const filters = Object.fromEntries(["status", "outcome"].map((name) => [name, url.searchParams.get(name)]).filter(([, value]) => value));
    const [from, until, to] = ["from", "until", "to"].map((name) => url.searchParams.get(name));
    return [...this.list, ...this.more].filter((call) => fits(filters, call) && (!from || call.createdAt >= from) && (!until || call.createdAt < until) && (!to || this.calls.get(call.callId)?.call.request.to === to))
      .sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  }

  page(url) {
    const all = this.found(url), from = Number(url.searchParams.get("cursor") ?? 0), to = from + Number(url.searchParams.get("limit") ?? 50);
    return { ok: true, calls: all.slice(from, to), next: to < all.length ? String(to) : undefined };
  }

  stream(res) {
    res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    res.write("retry: 50\n\n");
    this.streams.add(res);
    res.on("close", () => this.streams.delete(res));
    res.send = (event, data, id) => this.silent || res.write(`${id ? `id: ${id}\n` : ""}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    return res;
  }

  listStream(url, res) {
    this.stream(res).lists = true;
    res.send("page", this.page(url));
  }

  // callStream tells what is known after the numbers that are asked for, and stays.
  callStream(call, url, res) {
    if (url.searchParams.get("lines") === null) throw new Error("the console did not ask for lines");
    const [attempt, line] = url.searchParams.get("lines").split(".").map(Number);
    const told = call.call.completedAt && Number(url.searchParams.get("after")) >= call.steps.length && call.timelines.every((t) => t.attempt < attempt || (t.attempt === attempt && t.lines.length <= line));
    if (told) return res.writeHead(204).end();
    this.stream(res).call = call.call.callId;
    for (const step of call.steps) if (step.id > Number(url.searchParams.get("after"))) res.send(step.event, step, step.id);
    for (const t of call.timelines) for (const l of t.lines) if (t.attempt > attempt || (t.attempt === attempt && l.n > line)) res.send("line", { attempt: t.attempt, ...l });
    if (call.call.completedAt) res.end();
  }

  // tell gives a live call's timeline the next lines, up to a moment of its clock.
  tell(id, until = Infinity) {
    const call = this.calls.get(id);
    const talk = (call.told ??= call.talk.lines());
    const [timeline] = call.timelines.length ? call.timelines : (call.timelines = [{ attempt: 1, startedAt: call.talk.startedAt, complete: false, durationMs: 0, lines: [] }]);
    while (talk.length && talk[0].told <= until) {
      const { line } = talk.shift();
      timeline.lines.push(line);
      timeline.durationMs = Math.max(timeline.durationMs, line.atMs);
      for (const res of this.streams) if (res.call === id) res.send("line", { attempt: 1, ...line });
    }
  }

  // change changes a call's document, and tells both kinds of listeners. step is what it reached.
  change(id, change, step) {
    const call = this.calls.get(id);
    Object.assign(call.call, change);
    if (step) call.steps.push({ id: call.steps.length + 1, at: call.call.updatedAt, ...step });
    this.list = this.list.map((known) => (known.callId === id ? summary(call) : known));
    for (const res of this.streams) {
      if (res.call === id && step) res.send(step.event, call.steps.at(-1), call.steps.length);
      if (res.lists) res.send("call", summary(call));
      if (res.call === id && call.call.completedAt) res.end();
    }
  }

  // cut breaks every stream in the middle.
  cut() {
    for (const res of this.streams) res.destroy();
  }

  async cancel(req, res) {
    let body = "";
    for await (const chunk of req) body += chunk;
    if (req.headers["content-type"] !== "application/json") return this.error(res, 400, "invalid_request", "JSON is wanted");
    const { callId } = JSON.parse(body), { call } = this.calls.get(callId);
    this.change(callId, call.status === "in_progress" ? { cancelRequestedAt: call.updatedAt } : { status: "canceled", outcome: "not_booked", nextAttemptAt: undefined, completedAt: new Date().toISOString() }, call.status === "in_progress" ? undefined : { event: "ended" });
    this.json(res, { ok: true, call });
  }

  delete(id, res) {
    if (!this.calls.get(id).call.completedAt) return this.error(res, 409, "conflict", "The call is not over. Cancel it first (call_agent_cancel).");
    this.calls.delete(id);
    this.list = this.list.filter((call) => call.callId !== id);
    for (const res of this.streams) if (res.lists) res.send("gone", { callId: id });
    this.json(res, { ok: true, callId: id });
  }

  recording(call, req, url, res) {
    const listed = call.recordings.find((r) => r.attempt === Number(url.searchParams.get("attempt")));
    if (!listed) return this.error(res, 404, "not_found", "There is no recording of this attempt.");
    const file = (call.wav ??= wav(call.timelines.find((t) => t.attempt === listed.attempt), listed.durationMs));
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? "") ?? [];
    if (from === undefined) throw new Error("the console did not ask for a range");
    const end = Math.min(Number(from) + piece, Number(to) + 1, file.length);
    if (Number(from) >= this.recordings.give) return this.error(res, 503, "unavailable", "The recording cannot be read now. Try again in a moment.");
    res.writeHead(206, { "Content-Type": "audio/wav", "Content-Range": `bytes ${from}-${end - 1}/${file.length}` }).end(file.subarray(Number(from), end));
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

// wav is a recording of an attempt: a hum wherever somebody speaks, mu-law at 8 kHz, the
// callee on the left.
function wav(timeline, durationMs) {
  const frames = 8 * durationMs, bytes = Buffer.alloc(44 + 2 * frames, 0xff);
  bytes.write("RIFF", 0), bytes.writeUInt32LE(36 + 2 * frames, 4), bytes.write("WAVEfmt ", 8), bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(7, 20), bytes.writeUInt16LE(2, 22), bytes.writeUInt32LE(8000, 24), bytes.writeUInt32LE(16_000, 28);
  bytes.writeUInt16LE(2, 32), bytes.writeUInt16LE(8, 34), bytes.write("data", 36), bytes.writeUInt32LE(2 * frames, 40);
  const code = (i, pitch) => 0x98 + Math.round(24 * (1 + Math.sin((i * pitch) / 8000))) % 48;
  for (const line of timeline.lines) {
    if (line.kind !== "levels") continue;
    for (const [leg, side, pitch] of [["callee", 0, 900], ["agent", 1, 1400]]) {
      line[leg].forEach((level, i) => {
        if (level > 10) for (let f = 8 * (line.atMs + 100 * i), k = 0; k < 800 && f < frames; f++, k++) bytes[44 + 2 * f + side] = code(f, pitch);
      });
    }
  }
  return bytes;
}

