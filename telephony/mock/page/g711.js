// Mu-law of ITU-T G.711: one byte a sample, 8000 of them a second.

const bias = 0x84, clip = 32635;

// encode turns samples in -1..1 into mu-law bytes.
export function encode(samples) {
  const out = new Uint8Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    let s = Math.round(Math.max(-1, Math.min(1, samples[i])) * 32768);
    const sign = s < 0 ? 0x80 : 0;
    s = Math.min(Math.abs(s), clip) + bias;
    const exponent = 31 - Math.clz32(s) - 7;
    out[i] = ~(sign | (exponent << 4) | ((s >> (exponent + 3)) & 0x0f)) & 0xff;
  }
  return out;
}

// table is what each of the 256 codes stands for, in -1..1.
const table = Float32Array.from({ length: 256 }, (_, code) => {
  const u = ~code & 0xff;
  const s = ((((u & 0x0f) << 3) + bias) << ((u >> 4) & 7)) - bias;
  return (u & 0x80 ? -s : s) / 32768;
});

// decode turns mu-law bytes into samples in -1..1.
export function decode(bytes) {
  const out = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) out[i] = table[bytes[i]];
  return out;
}
