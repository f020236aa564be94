// What stands in the transcript beside what was said: one sentence for each thing that happened.

import { reason, seconds, tool } from "./words.js";

const because = (entry) => (entry.name ? ": " + reason(entry.name) : "");

const told = {
  tool: (e) => tool(e.name) + (e.ms !== undefined ? ` · ${seconds(e.ms)}` : e.to === undefined ? " …" : ""),
  barge_in: () => "The callee interrupted",
  backchannel: () => "The callee said a short word, and the assistant spoke on",
  dtmf: () => "The callee pressed a key",
  disclosure: () => "The callee has heard that it is an AI",
  farewell: (e) => "The assistant says goodbye" + because(e),
  apology: (e) => "The recorded apology was played" + because(e),
  response_failed: () => "The model’s answer failed",
  model_lost: () => "The model’s connection was lost",
  reconnected: (e) => "Another connection carries on" + (e.ms ? ` · ${seconds(e.ms)}` : ""),
  renewed: () => "The model’s connection was renewed in a pause",
  ended: (e) => "The conversation ended" + because(e),
};

// pictures and looks of what happened, by its kind.
const pictures = { tool: "calendar", barge_in: "cut", dtmf: "key", disclosure: "check", farewell: "wave", ended: "phone", backchannel: "wave" };
const bad = new Set(["barge_in", "model_lost", "response_failed", "apology"]);

// sentence is what an entry says.
export const sentence = (entry) => told[entry.kind]?.(entry) ?? "";
export const picture = (entry) => pictures[entry.kind] ?? "note";
export const isBad = (entry) => bad.has(entry.kind);

// note is what stands small beside somebody's words.
export function note(entry) {
  const parts = [];
  if (entry.latency !== undefined) parts.push(`after ${seconds(entry.latency)}`);
  if (entry.filler) parts.push("while it waited");
  if (entry.cutAfter !== undefined) parts.push(`interrupted after ${seconds(entry.cutAfter)}`);
  return parts.join(" · ");
}
