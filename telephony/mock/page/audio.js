// What runs on the audio thread: the microphone to the line, and the line to the speaker.

import { Playout } from "./playout.js";
import { Resampler } from "./resample.js";

const lineRate = 8000;
const frameLength = 160; // 20 ms, as Twilio sends
const levelEvery = 10; // blocks of 128 samples

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    // Nothing from 4 kHz on may be left: it would fold back into what is heard.
    this.resampler = new Resampler(sampleRate, lineRate, 3700);
    this.frame = new Float32Array(frameLength);
    this.filled = 0;
  }

  process(inputs) {
    const input = inputs[0][0];
    const length = input ? input.length : 128; // no input: the microphone is silent, time goes on
    for (let i = 0; i < length; i++) {
      this.resampler.put(input ? input[i] : 0);
      while (this.resampler.due) this.emit(this.resampler.get());
    }
    return true;
  }

  emit(sample) {
    this.frame[this.filled++] = sample;
    if (this.filled < frameLength) return;
    this.port.postMessage(this.frame, [this.frame.buffer]);
    this.frame = new Float32Array(frameLength);
    this.filled = 0;
  }
}

class Speaker extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(lineRate, sampleRate, 3900);
    this.playout = new Playout((mark, cleared) => this.port.postMessage({ mark, cleared }), { lag: this.resampler.half });
    this.port.onmessage = (e) => this.playout.receive(e.data);
    this.speaking = false;
    this.blocks = this.peak = 0;
  }

  process(_inputs, outputs) {
    const output = outputs[0][0];
    for (let i = 0; i < output.length; i++) {
      while (!this.resampler.due) this.resampler.put(this.playout.take());
      output[i] = this.resampler.get();
      this.peak = Math.max(this.peak, Math.abs(output[i]));
    }
    this.tell();
    return true;
  }

  tell() {
    const { speaking } = this.playout;
    if (speaking !== this.speaking) {
      this.speaking = speaking;
      this.port.postMessage({ speaking });
    }
    if (++this.blocks % levelEvery > 0) return;
    this.port.postMessage({ level: this.peak });
    this.peak = 0;
  }
}

registerProcessor("microphone", Microphone);
registerProcessor("speaker", Speaker);
