// What a test knows of the page's audio graph and of its socket.

import { readFileSync } from "node:fs";
import { linear } from "./voice.js";

// tap is what a front before the server must serve.
export const tap = { "/mock/tap.js": { type: "text/javascript", body: readFileSync(new URL("tap.js", import.meta.url)) } };

// tapped makes a page's audio graph readable: a copy of whatever the page's speaker and
// microphone give goes into a tap, and the graph's time is noted of each clear.
export async function tapped(page) {
  await page.addInitScript(insidePage);
  const socket = { sent: [], received: [] }; // of the page's one stream
  page.on("websocket", (ws) => {
    ws.on("framesent", ({ payload }) => socket.sent.push(JSON.parse(payload)));
    ws.on("framereceived", ({ payload }) => socket.received.push(JSON.parse(payload)));
  });
  return {
    socket,
    // heard is what the graph gave: samples by side, the rate, and when clears came, in frames.
    async heard() {
      const { rate, clears, ...sides } = await page.evaluate(() => globalThis.graph.read());
      const decode = ({ first, base64 }) => ({ first, samples: new Float32Array(new Uint8Array(Buffer.from(base64, "base64")).buffer) });
      return { rate, clears, speaker: decode(sides.speaker), microphone: decode(sides.microphone) };
    },
    // said is the audio that the server sent, as samples at 8 kHz, one list for each item:
    // between two of them there may be silence.
    said() {
      const items = new Map();
      let waiting = [];
      for (const m of socket.received) {
        if (m.event === "media") waiting.push(Buffer.from(m.media.payload, "base64"));
        if (m.event !== "mark" || waiting.length === 0) continue;
        const item = m.mark.name.replace(/:\d+$/, "");
        items.set(item, [...(items.get(item) ?? []), ...waiting]);
        waiting = [];
      }
      return [...items.values()].map((list) => Float32Array.from(Buffer.concat(list), (code) => linear(code) / 32768));
    },
    moments: (kind) => socket.received.filter((m) => m.event === "moment" && m.moment.kind === kind).map((m) => m.moment),
  };
}

function insidePage() {
  const taps = { speaker: [], microphone: [] };
  const graph = (globalThis.graph = { clears: [], shifts: 0 });
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (to, ...rest) {
    graph.context ??= this.context;
    const side = this instanceof MediaStreamAudioSourceNode ? "microphone" : this instanceof AudioWorkletNode && this.numberOfInputs === 0 ? "speaker" : "";
    if (side) tap(this, side);
    return connect.call(this, to, ...rest);
  };
  async function tap(node, side) {
    await node.context.audioWorklet.addModule("mock/tap.js");
    const end = new AudioWorkletNode(node.context, "tap", { channelCount: 1, channelCountMode: "explicit" });
    end.port.onmessage = (e) => taps[side].push(e.data);
    connect.call(node, end);
    connect.call(end, node.context.destination); // silent; it keeps the node running
  }
  const Native = WebSocket;
  globalThis.WebSocket = class extends Native {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", (e) => {
        if (JSON.parse(e.data).event === "clear") graph.clears.push(Math.round(graph.context.currentTime * graph.context.sampleRate));
      });
    }
  };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) graph.shifts += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  graph.read = () => {
    const side = (list) => {
      const all = new Float32Array(list.length * 20 * 128);
      list.forEach((part, i) => part.blocks.forEach((block, j) => all.set(block, (i * 20 + j) * 128)));
      const bytes = new Uint8Array(all.buffer);
      let text = "";
      for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
      return { first: list[0]?.frame ?? 0, base64: btoa(text) };
    };
    return { rate: graph.context.sampleRate, clears: graph.clears, speaker: side(taps.speaker), microphone: side(taps.microphone) };
  };
}

// Ideal interpolation of an 8 kHz signal at any moment, with a long window of its own.
const reach = 96;
function at(samples, t) {
  const middle = Math.floor(t);
  let sum = 0;
  for (let k = Math.max(0, middle - reach + 1); k <= Math.min(samples.length - 1, middle + reach); k++) {
    const x = t - k;
    sum += samples[k] * (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)) * (0.5 + 0.5 * Math.cos((Math.PI * x) / reach));
  }
  return sum;
}

// compare follows the items that were sent (8 kHz) through what was heard (at rate), block
// by block: where a block is not where the one before it says, it is looked for further on,
// since silence may stand between. It gives how many of the sounding blocks were found, in
// order, and the ratio of signal to error over them in decibels.
export function compare(items, heard, rate) {
  const ratio = rate / 8000, size = 400;
  let found = 0, blocks = 0, signal = 0, noise = 0, end = 0;
  for (const sent of items) {
    let start; // where in what was heard the item would begin
    for (let from = 0; from + size <= sent.length; from += size) {
      if (energy(sent, from, size) / size < 1e-6) continue; // silence is anywhere
      blocks++;
      const wanted = Float32Array.from({ length: Math.round(size * ratio) }, (_, i) => at(sent, from + i / ratio));
      let best = start === undefined ? undefined : fit(wanted, heard, start + Math.round(from * ratio));
      if (!best || best.error > 0.1 * best.signal) best = search(wanted, heard, end, rate * 8) ?? best;
      if (!best || best.error > 0.1 * best.signal) continue;
      start = best.at - Math.round(from * ratio);
      end = best.at + wanted.length;
      found++, (signal += best.signal), (noise += best.error);
    }
  }
  return { blocks, found, db: 10 * Math.log10(signal / noise) };
}

function energy(samples, from, size) {
  let sum = 0;
  for (let i = from; i < from + size; i++) sum += samples[i] * samples[i];
  return sum;
}

function fit(wanted, heard, at) {
  let error = 0, signal = 0;
  for (let i = 0; i < wanted.length; i++) {
    const d = wanted[i] - (heard[at + i] ?? 0);
    error += d * d;
    signal += wanted[i] * wanted[i];
  }
  return { at, error, signal };
}

// search finds the best place at or after from: coarsely by every third sample, then exactly.
function search(wanted, heard, from, within) {
  let best;
  const rough = wanted.filter((_, i) => i % 3 === 0);
  for (let at = from; at < Math.min(heard.length - wanted.length, from + within); at++) {
    let error = 0;
    for (let i = 0; i < rough.length; i++) {
      const d = rough[i] - heard[at + 3 * i];
      error += d * d;
      if (best && error >= best.rough) break;
    }
    if (!best || error < best.rough) best = { at, rough: error };
  }
  return best && fit(wanted, heard, best.at);
}

// lastSound is the frame after the last audible sample in a range of frames; -1 if none.
export function lastSound({ first, samples }, from, to, floor = 1e-3) {
  for (let i = Math.min(samples.length, to - first) - 1; i >= Math.max(0, from - first); i--) {
    if (Math.abs(samples[i]) > floor) return first + i + 1;
  }
  return -1;
}

// firstSound is the frame of the first audible sample from a frame on; -1 if none.
export function firstSound({ first, samples }, from, floor = 0.01) {
  for (let i = Math.max(0, from - first); i < samples.length; i++) if (Math.abs(samples[i]) > floor) return first + i;
  return -1;
}
