// An AudioWorklet that keeps what goes through it. The test puts it beside the page's
// own nodes; the page knows nothing of it.

class Tap extends AudioWorkletProcessor {
  constructor() {
    super();
    this.blocks = [];
  }

  process(inputs) {
    const block = new Float32Array(128);
    if (inputs[0][0]) block.set(inputs[0][0]);
    this.blocks.push(block);
    if (this.blocks.length === 20) {
      this.port.postMessage({ frame: currentFrame - 19 * 128, blocks: this.blocks });
      this.blocks = [];
    }
    return true;
  }
}

registerProcessor("tap", Tap);
