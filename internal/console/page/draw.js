// The timeline's picture. Colours are the style sheet's, so that light and dark are its matter.

import { length, seconds } from "./words.js";

// lanes are where things stand, in pixels from the top.
export const lanes = { ruler: 18, callee: 22, agent: 114, lane: 52, latency: 88, tools: 102, marks: 172, height: 178 };

const bar = 3; // pixels, of which one is a gap
const silent = 4; // a level that is a line's own noise

// colours reads the ones that the picture needs.
export function colours(element) {
  const style = getComputedStyle(element);
  const named = (name) => style.getPropertyValue("--" + name).trim();
  return { callee: named("blue"), calleeSoft: named("blue-soft"), agent: named("green"), agentSoft: named("green-soft"), quiet: named("quiet"), edge: named("edge"), amber: named("amber"), red: named("red"), text: named("text"), card: named("card"), key: named("key"), font: style.fontFamily };
}

// sized gives a canvas as many pixels as the screen has under it.
export function sized(canvas, height) {
  const ratio = Math.min(3, devicePixelRatio || 1), width = canvas.clientWidth;
  const wide = Math.round(width * ratio), high = Math.round(height * ratio);
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width };
}

// draw draws the part of a conversation that zoom shows.
export function draw(canvas, conversation, zoom, colour) {
  const { pen, width } = sized(canvas, lanes.height);
  if (width < 2) return;
  pen.font = `500 11px ${colour.font}`;
  const on = { pen, width, zoom, colour, conversation };
  ruler(on);
  leg(on, "callee", lanes.callee, colour.callee, colour.calleeSoft);
  leg(on, "agent", lanes.agent, colour.agent, colour.agentSoft);
  latencies(on);
  tools(on);
  marks(on);
  for (const entry of conversation.entries) point(on, entry);
}

function ruler({ pen, width, zoom, colour }) {
  for (const at of zoom.ticks(width)) {
    const x = Math.round(zoom.x(at, width)) + 0.5;
    pen.fillStyle = colour.edge;
    pen.fillRect(x - 0.5, lanes.ruler - 4, 1, lanes.marks - lanes.ruler + 4);
    pen.fillStyle = colour.quiet;
    const text = length(at), half = pen.measureText(text).width / 2;
    pen.fillText(text, Math.max(0, Math.min(width - 2 * half, x - half)), 10);
  }
}

// leg is one side: where it speaks, softly, and how loud it is.
function leg({ pen, width, zoom, conversation }, speaker, top, strong, soft) {
  pen.fillStyle = soft;
  for (const { from, to = conversation.durationMs } of conversation.spans[speaker]) {
    if (to < zoom.from || from > zoom.to) continue;
    const x = zoom.x(from, width);
    rounded(pen, x, top, Math.max(2, zoom.x(to, width) - x), lanes.lane, 6);
  }
  pen.fillStyle = strong;
  const levels = conversation.levels[speaker], middle = top + lanes.lane / 2;
  for (let x = 0; x < width; x += bar) {
    const level = levels.loudest(zoom.ms(x, width), zoom.ms(x + bar, width));
    const high = level < silent ? 0 : Math.max(2, (level / 100) * (lanes.lane - 8));
    if (high) pen.fillRect(x, middle - high / 2, bar - 1, high);
  }
}

// latencies are the waits for the agent, with their length where there is room.
function latencies({ pen, width, zoom, colour, conversation }) {
  let free = -Infinity;
  for (const { at, ms } of conversation.latencies) {
    if (at < zoom.from || at - ms > zoom.to) continue;
    const from = zoom.x(at - ms, width), to = zoom.x(at, width), y = lanes.latency;
    if (to - from < 3 && ms <= slow) continue; // from afar, what one waited for long is enough
    pen.fillStyle = ms > slow ? colour.amber : colour.quiet;
    pen.fillRect(from, y, Math.max(1, to - from), 1);
    for (const x of [from, to - 1]) pen.fillRect(x, y - 2, 1, 5);
    const text = seconds(ms), half = pen.measureText(text).width / 2, middle = (from + to) / 2;
    if (middle - half < free) continue;
    free = middle + half + 6;
    pen.fillText(text, middle - half, y - 4);
  }
}

// slow is an answer that a callee notices.
export const slow = 2000;

function tools({ pen, width, zoom, colour, conversation }) {
  for (const { at, to = conversation.durationMs } of conversation.tools) {
    if (to < zoom.from || at > zoom.to) continue;
    const x = zoom.x(at, width);
    pen.fillStyle = colour.text;
    rounded(pen, x, lanes.tools - 3, Math.max(8, zoom.x(to, width) - x), 7, 3.5);
  }
}

// marks are where the phone said that it had played what was sent.
function marks({ pen, width, zoom, colour, conversation }) {
  if (zoom.span / width > 300) return; // from afar they are a line
  pen.fillStyle = colour.quiet;
  for (const { at } of conversation.marks) {
    if (at >= zoom.from && at <= zoom.to) pen.fillRect(Math.round(zoom.x(at, width)), lanes.marks - 2, 1, 4);
  }
}

const points = { barge_in: "red", model_lost: "red", response_failed: "red", apology: "red", dtmf: "callee", backchannel: "callee", reconnected: "agent", farewell: "agent" };

function point({ pen, width, zoom, colour }, entry) {
  const name = points[entry.kind];
  if (!name || entry.at < zoom.from || entry.at > zoom.to) return;
  const x = Math.round(zoom.x(entry.at, width)), cuts = entry.kind === "barge_in";
  pen.fillStyle = colour[name];
  if (cuts) for (let y = lanes.callee; y < lanes.agent + lanes.lane; y += 6) pen.fillRect(x, y, 1.5, 3);
  pen.beginPath();
  const y = cuts ? lanes.callee : lanes.tools;
  pen.moveTo(x + 0.75, y - (cuts ? -6 : 5));
  pen.lineTo(x + 5.75, y);
  pen.lineTo(x + 0.75, y + (cuts ? 0 : 5));
  pen.lineTo(x - 4.25, y);
  pen.fill();
}

function rounded(pen, x, y, width, height, radius) {
  pen.beginPath();
  pen.roundRect(x, y, width, height, Math.min(radius, width / 2));
  pen.fill();
}

// overview draws the whole call small, and which part of it is shown.
export function overview(canvas, conversation, zoom, colour) {
  const height = 28, middle = height / 2;
  const { pen, width } = sized(canvas, height);
  if (width < 2) return;
  const whole = zoom.duration / width;
  pen.fillStyle = colour.key;
  const from = (zoom.from / zoom.duration) * width, span = Math.max(6, (zoom.span / zoom.duration) * width);
  rounded(pen, from, 0, span, height, 6);
  for (let x = 0; x < width; x += 2) {
    const at = x * whole, to = (x + 2) * whole;
    const high = (speaker) => {
      const level = conversation.levels[speaker].loudest(at, to);
      return level < silent ? 0 : (level / 100) * (middle - 4);
    };
    pen.fillStyle = colour.callee;
    pen.fillRect(x, middle - high("callee"), 1, high("callee"));
    pen.fillStyle = colour.agent;
    pen.fillRect(x, middle + 1, 1, high("agent"));
  }
  pen.strokeStyle = zoom.all ? colour.edge : colour.text;
  pen.beginPath();
  pen.roundRect(from + 0.5, 0.5, span - 1, height - 1, 6);
  pen.stroke();
}
