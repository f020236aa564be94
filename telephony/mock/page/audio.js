// What runs on the audio thread: the microphone to 8 kHz, and 8 kHz to the speaker.

const lineRate = 8000;
const frameLength = 160;

// lowPass is a windowed sinc (Blackman) that keeps what a telephone keeps, so that
// nothing above 4 kHz folds back when the microphone is decimated.
function lowPass(taps, cutoff) {
  const h = new Float32Array(taps);
  let sum = 0;
  for (let i = 0; i < taps; i++) {
    const x = i - (taps - 1) / 2;
    const w = 0.42 - 0.5 * Math.cos((2 * Math.PI * i) / (taps - 1)) + 0.08 * Math.cos((4 * Math.PI * i) / (taps - 1));
    h[i] = (x === 0 ? 2 * cutoff : Math.sin(2 * Math.PI * cutoff * x) / (Math.PI * x)) * w;
    sum += h[i];
  }
  return h.map((v) => v / sum);
}

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.step = sampleRate / lineRate;
    this.filter = lowPass(Math.ceil(this.step) * 32 + 1, 3400 / sampleRate);
    this.history = new Float32Array(this.filter.length);
    this.at = 0;
    this.due = 0; // input samples until the next output sample
    this.last = 0;
    this.frame = new Float32Array(frameLength);
    this.filled = 0;
  }

  process(inputs) {
    const input = inputs[0][0];
    const length = input ? input.length : 128;
    for (let i = 0; i < length; i++) this.take(input ? input[i] : 0);
    return true;
  }

  take(sample) {
    this.history[this.at] = sample;
    this.at = (this.at + 1) % this.history.length;
    this.due -= 1;
    if (this.due >= 1) return;
    const now = this.filtered();
    if (this.due < 0) {
      this.emit(this.last + (now - this.last) * (this.due + 1)); // between the last two input samples
      this.due += this.step;
    }
    this.last = now;
  }

  filtered() {
    let sum = 0;
    const n = this.history.length;
    for (let i = 0; i < n; i++) sum += this.filter[i] * this.history[(this.at + i) % n];
    return sum;
  }

  emit(sample) {
    this.frame[this.filled++] = sample;
    if (this.filled < frameLength) return;
    this.port.postMessage(this.frame.slice());
    this.filled = 0;
  }
}

// Speaker plays what is queued, in order, and reports a mark once everything queued
// before it has been played. On clear, every pending mark is reported at once, as
// Twilio does. It holds ten minutes at most and drops what is more (Twilio's 31931).
const longest = 10 * 60 * lineRate;
const reach = 8;

class Speaker extends AudioWorkletProcessor {
  constructor() {
    super();
    this.queue = [];
    this.held = 0;
    this.at = 0;
    this.step = lineRate / sampleRate;
    this.phase = 0;
    this.window = new Float32Array(2 * reach);
    this.speaking = false;
    this.port.onmessage = (e) => this.receive(e.data);
  }

  receive(item) {
    if (item.clear) {
      const marks = this.queue.filter((q) => q.mark !== undefined);
      this.queue = [];
      this.held = this.at = 0;
      for (const m of marks) this.port.postMessage({ mark: m.mark });
      return;
    }
    if (item.samples) {
      if (item.samples.length === 0 || this.held + item.samples.length > longest) return;
      this.held += item.samples.length;
    }
    this.queue.push(item);
    this.marks();
  }

  marks() {
    while (this.queue.length > 0 && this.queue[0].mark !== undefined) {
      this.port.postMessage({ mark: this.queue.shift().mark });
    }
  }

  next() {
    const head = this.queue[0];
    if (head === undefined) return 0;
    const sample = head.samples[this.at++];
    this.held--;
    if (this.at === head.samples.length) {
      this.queue.shift();
      this.at = 0;
      this.marks();
    }
    return sample;
  }

  process(_inputs, outputs) {
    const output = outputs[0][0];
    for (let i = 0; i < output.length; i++) {
      for (this.phase += this.step; this.phase >= 1; this.phase -= 1) {
        this.window.copyWithin(0, 1);
        this.window[2 * reach - 1] = this.next();
      }
      output[i] = this.between(this.phase);
    }
    this.tell(this.queue.length > 0);
    return true;
  }

  // between is the signal at a point between the two middle samples of the window.
  between(t) {
    let sum = 0;
    for (let k = 0; k < 2 * reach; k++) {
      const x = k - (reach - 1) - t;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      sum += this.window[k] * sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / reach));
    }
    return sum;
  }

  tell(speaking) {
    if (speaking === this.speaking) return;
    this.speaking = speaking;
    this.port.postMessage({ speaking });
  }
}

registerProcessor("microphone", Microphone);
registerProcessor("speaker", Speaker);
