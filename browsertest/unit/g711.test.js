import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "../../telephony/mock/page/g711.js";

// The decision values of G.711, table 2a, by which a coder chooses a code: written as the
// standard has it, on its own scale of 14 bits, and apart from the page's arithmetic.
function standardDecode(code) {
  const inverted = code ^ 0xff;
  const segment = (inverted & 0x70) >> 4, step = inverted & 0x0f;
  const value = (2 * step + 33) * 2 ** segment - 33;
  return (inverted & 0x80 ? -value : value) / 8192;
}

function standardEncode(sample) {
  const sign = sample < 0 ? 0x80 : 0;
  const s = Math.min(Math.abs(sample) * 8192, 8158) + 33;
  let segment = 0;
  while (s >= 2 ** (segment + 6)) segment++;
  const step = Math.floor(s / 2 ** (segment + 1)) & 0x0f;
  return (sign | (segment << 4) | step) ^ 0xff;
}

test("every code stands for what G.711 says", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  const got = decode(all);
  for (const code of all) assert.equal(got[code] + 0, standardDecode(code) + 0, "code " + code);
  assert.equal(got[0x00], -8031 / 8192);
  assert.equal(got[0x80], 8031 / 8192);
  assert.equal(got[0xff], 0);
});

test("every code survives decoding and encoding, but for the second zero", () => {
  for (let code = 0; code < 256; code++) assert.equal(encode(decode([code]))[0], code === 0x7f ? 0xff : code, "code " + code);
});

test("every 16-bit sample gets the code that G.711 chooses", () => {
  const samples = Float32Array.from({ length: 65536 }, (_, i) => (i - 32768) / 32768);
  const got = encode(samples);
  for (let i = 0; i < samples.length; i++) assert.equal(got[i], standardEncode(samples[i]), "sample " + (i - 32768));
});

test("what is too loud is clipped, not wrapped", () => {
  assert.deepEqual([...encode([1.5, -7, Infinity, -Infinity])], [0x80, 0x00, 0x80, 0x00]);
});
