// The person's side of a call: a WAV file made of the clips of media/speech.

import { readFileSync, writeFileSync } from "node:fs";

const clips = new URL("../media/speech/clips/", import.meta.url);
const audio = readFileSync(new URL("callee.ulaw", clips));
const index = new Map(
  readFileSync(new URL("callee.tsv", clips), "utf8").trim().split("\n").map((line) => {
    const [phrase, offset, length] = line.split("\t");
    return [phrase, audio.subarray(Number(offset), Number(offset) + Number(length))];
  }),
);

// linear is the textbook's decoder of one mu-law code (G.711, table 2a), written apart
// from the page's own.
export function linear(code) {
  const u = 255 - code;
  const magnitude = ((u & 15) * 2 + 33) * 2 ** ((u >> 4) & 7) - 33;
  return (u >= 128 ? -magnitude : magnitude) * 4;
}

// speak writes a WAV file of 16 bits in which each [seconds, phrase] begins at its time.
export function speak(file, turns, seconds, rate = 48000) {
  const samples = new Int16Array(seconds * rate);
  for (const [at, phrase] of turns) {
    const clip = index.get(phrase);
    if (!clip) throw new Error("no clip says " + phrase);
    const length = Math.floor((clip.length * rate) / 8000);
    for (let i = 0; i < length; i++) {
      const x = (i * 8000) / rate; // straight lines between the samples do for a voice
      const a = linear(clip[Math.floor(x)]), b = linear(clip[Math.min(Math.floor(x) + 1, clip.length - 1)]);
      samples[Math.floor(at * rate) + i] = a + (b - a) * (x % 1);
    }
  }
  writeFileSync(file, Buffer.concat([header(samples.byteLength, rate), Buffer.from(samples.buffer)]));
  return file;
}

function header(bytes, rate) {
  const h = Buffer.alloc(44);
  h.write("RIFF", 0), h.writeUInt32LE(36 + bytes, 4), h.write("WAVEfmt ", 8), h.writeUInt32LE(16, 16);
  h.writeUInt16LE(1, 20), h.writeUInt16LE(1, 22), h.writeUInt32LE(rate, 24), h.writeUInt32LE(2 * rate, 28);
  h.writeUInt16LE(2, 32), h.writeUInt16LE(16, 34), h.write("data", 36), h.writeUInt32LE(bytes, 40);
  return h;
}
