// Microphone and speaker of a call.

import { Marks } from "./marks.js";

// Sound is the audio of one call. The handlers are frame(samples), 20 ms of the
// microphone at 8 kHz; mark(name), played or cleared; speaking(yes); level(peak) of
// what is played; paused(yes) by the browser; and unplugged().
export class Sound {
  // open asks for the microphone and starts both directions. It throws the DOMException
  // of whatever the browser refuses; nothing is left open then.
  static async open(handlers) {
    const microphone = await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
    const sound = new Sound(microphone, handlers);
    try {
      await sound.start();
    } catch (error) {
      sound.close();
      throw new NoSound(error);
    }
    return sound;
  }

  constructor(microphone, handlers) {
    this.microphone = microphone;
    this.track = microphone.getAudioTracks()[0];
    this.handlers = handlers;
    this.context = new AudioContext({ latencyHint: "interactive" });
    this.marks = new Marks(
      (name) => handlers.mark(name),
      () => this.context.outputLatency || this.context.baseLatency || 0,
    );
  }

  async start() {
    await this.context.audioWorklet.addModule(new URL("audio.js", import.meta.url));
    await this.context.resume();
    this.ear = new AudioWorkletNode(this.context, "microphone", { channelCount: 1, channelCountMode: "explicit" });
    this.mouth = new AudioWorkletNode(this.context, "speaker", { numberOfInputs: 0, outputChannelCount: [1] });
    this.context.createMediaStreamSource(this.microphone).connect(this.ear);
    this.ear.connect(this.context.destination); // silent; it keeps the node running
    this.mouth.connect(this.context.destination);
    this.ear.port.onmessage = (e) => this.handlers.frame(e.data);
    this.mouth.port.onmessage = (e) => this.told(e.data);
    this.track.onended = () => this.handlers.unplugged();
    this.context.onstatechange = () => this.watch();
  }

  told(m) {
    if (m.mark !== undefined) m.cleared ? this.marks.cleared(m.mark) : this.marks.played(m.mark);
    else if (m.level !== undefined) this.handlers.level(m.level);
    else this.handlers.speaking(m.speaking);
  }

  // watch: a telephone call or a sleeping device suspends the context.
  watch() {
    if (this.context.state === "closed") return;
    this.handlers.paused(this.context.state !== "running");
    if (this.context.state !== "running") this.context.resume().catch(() => {}); // said above
  }

  play(samples) {
    this.mouth.port.postMessage({ samples }, [samples.buffer]);
  }

  mark(mark) {
    this.mouth.port.postMessage({ mark });
  }

  clear() {
    this.mouth.port.postMessage({ clear: true });
  }

  // mute sends silence in place of the microphone: the line goes on.
  mute(yes) {
    this.track.enabled = !yes;
  }

  close() {
    for (const track of this.microphone.getTracks()) track.stop();
    if (this.context.state !== "closed") this.context.close();
  }
}

// NoSound is why the browser's audio could not be started although there is a microphone.
export class NoSound extends Error {
  constructor(cause) {
    super(cause.message, { cause });
    this.name = cause.name;
  }
}
