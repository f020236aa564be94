// Resampling between the device's rate and the line's: a polyphase windowed sinc.

// transition is the width in Hz between what is kept and what is gone.
const transition = 600;

function gcd(a, b) {
  return b === 0 ? a : gcd(b, a % b);
}

function blackman(x) {
  return 0.42 + 0.5 * Math.cos(Math.PI * x) + 0.08 * Math.cos(2 * Math.PI * x);
}

// filters are one windowed sinc per place that an output sample can have between two
// input samples, each with a gain of one at 0 Hz.
function filters(from, up, half, cutoff) {
  const width = (2 * cutoff) / from;
  return Array.from({ length: up }, (_, phase) => {
    const h = new Float32Array(2 * half);
    let sum = 0;
    for (let k = 0; k < h.length; k++) {
      const x = k - (half - 1) - phase / up;
      const t = Math.PI * width * x;
      h[k] = (t === 0 ? 1 : Math.sin(t) / t) * (Math.abs(x) < half ? blackman(x / half) : 0);
      sum += h[k];
    }
    return h.map((v) => v / sum);
  });
}

// Resampler turns a signal sampled from times a second into one sampled to times a
// second, both whole numbers, and keeps what lies below cutoff, in Hz. Whoever has
// samples puts them in while output is not due; whoever wants samples gets them while it
// is. The output is half an input window late.
export class Resampler {
  constructor(from, to, cutoff) {
    const g = gcd(from, to);
    this.up = to / g;
    this.down = from / g;
    this.half = Math.ceil((2.75 * from) / transition); // a Blackman window's main lobe is 5.5 bins wide
    this.filters = filters(from, this.up, this.half, cutoff);
    this.length = 2 * this.half;
    this.window = new Float32Array(2 * this.length); // everything twice, so that a window is always in one piece
    this.at = 0;
    this.phase = 0;
    this.wanted = 1; // input samples before the next output sample
  }

  get due() {
    return this.wanted <= 0;
  }

  put(sample) {
    this.window[this.at] = this.window[this.at + this.length] = sample;
    this.at = (this.at + 1) % this.length;
    this.wanted--;
  }

  get() {
    const h = this.filters[this.phase];
    let sum = 0;
    for (let k = 0; k < this.length; k++) sum += h[k] * this.window[this.at + k];
    this.phase += this.down;
    this.wanted += Math.floor(this.phase / this.up);
    this.phase %= this.up;
    return sum;
  }
}
