import assert from "node:assert/strict";
import { test } from "node:test";
import { Resampler } from "../../telephony/mock/page/resample.js";

function convert(resampler, input) {
  const out = [];
  for (const x of input) {
    resampler.put(x);
    while (resampler.due) out.push(resampler.get());
  }
  return out;
}

const tone = (hz, rate, seconds = 0.5) => Float32Array.from({ length: rate * seconds }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate));

// gain measures how much of a tone is left, in decibels, by the power of the second half.
function gain(samples) {
  const settled = samples.slice(samples.length >> 1);
  return 10 * Math.log10((2 * settled.reduce((sum, x) => sum + x * x, 0)) / settled.length);
}

// part is the level of one frequency in a signal, in decibels of a full tone.
function part(samples, hz, rate) {
  const settled = samples.slice(samples.length >> 1);
  let re = 0, im = 0;
  settled.forEach((x, i) => {
    const window = 1 - Math.cos((2 * Math.PI * i) / settled.length);
    re += window * x * Math.cos((2 * Math.PI * hz * i) / rate);
    im += window * x * Math.sin((2 * Math.PI * hz * i) / rate);
  });
  return 20 * Math.log10((2 * Math.hypot(re, im)) / settled.length);
}

const rates = [16000, 32000, 44100, 48000, 96000];

for (const rate of rates) {
  test(`microphone at ${rate} Hz: a telephone's band is kept, and nothing folds back`, () => {
    for (const hz of [100, 300, 1000, 2500, 3400]) {
      const db = gain(convert(new Resampler(rate, 8000, 3700), tone(hz, rate)));
      assert.ok(Math.abs(db) < 0.2, `${hz} Hz: ${db.toFixed(2)} dB`);
    }
    for (const hz of [4000, 4600, 5200, 7000, 7900].filter((hz) => hz < rate / 2)) {
      const db = gain(convert(new Resampler(rate, 8000, 3700), tone(hz, rate)));
      assert.ok(db < -55, `${hz} Hz: ${db.toFixed(1)} dB`);
    }
  });

  test(`speaker at ${rate} Hz: speech is kept, and its images are gone`, () => {
    for (const hz of [200, 1000, 3000, 3600]) {
      const out = convert(new Resampler(8000, rate, 3900), tone(hz, 8000));
      assert.ok(Math.abs(part(out, hz, rate)) < 0.2, `${hz} Hz: ${part(out, hz, rate).toFixed(2)} dB`);
      if (8000 - hz < rate / 2) assert.ok(part(out, 8000 - hz, rate) < -60, `image of ${hz} Hz: ${part(out, 8000 - hz, rate).toFixed(1)} dB`);
    }
  });

  test(`${rate} Hz: a second is a second, and silence is silent`, () => {
    assert.equal(convert(new Resampler(rate, 8000, 3700), new Float32Array(rate)).length, 8000);
    const up = convert(new Resampler(8000, rate, 3900), new Float32Array(8000));
    assert.equal(up.length, rate);
    assert.ok(up.every((x) => x === 0));
    const steady = convert(new Resampler(8000, rate, 3900), new Float32Array(8000).fill(0.5));
    assert.ok(steady.slice(rate >> 1).every((x) => Math.abs(x - 0.5) < 1e-5), "a steady value has no ripple");
  });
}

test("the output is half a window late", () => {
  const resampler = new Resampler(8000, 48000, 3900);
  const input = new Float32Array(400);
  input[100] = 1;
  const out = convert(resampler, input);
  const peak = out.indexOf(Math.max(...out));
  assert.equal(peak, (100 + resampler.half) * 6);
});
