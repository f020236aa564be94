// The phone's side of a Media Streams connection, as Twilio would be it: connected,
// start, 20 ms frames of mu-law, marks echoed when their audio has been played, stop.
// No DOM and no audio in here.

const bias = 0x84, clip = 32635;

// encode turns samples in -1..1 into mu-law bytes (ITU-T G.711).
export function encode(samples) {
  const out = new Uint8Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    let s = Math.round(Math.max(-1, Math.min(1, samples[i])) * 32767);
    const sign = s < 0 ? 0x80 : 0;
    s = Math.min(Math.abs(s), clip) + bias;
    const exponent = 31 - Math.clz32(s) - 7;
    out[i] = ~(sign | (exponent << 4) | ((s >> (exponent + 3)) & 0x0f)) & 0xff;
  }
  return out;
}

// decode turns mu-law bytes into samples in -1..1.
export function decode(bytes) {
  const out = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    const u = ~bytes[i] & 0xff;
    const s = ((((u & 0x0f) << 3) + bias) << ((u >> 4) & 7)) - bias;
    out[i] = (u & 0x80 ? -s : s) / 32768;
  }
  return out;
}

const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));
const fromBase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

function sid(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return prefix + Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

// streamURL is where the page's own host takes streams. The token is all that the
// link decides: a link cannot send the microphone anywhere else.
export function streamURL(pageURL, token) {
  const url = new URL("voice/stream/" + encodeURIComponent(token), pageURL);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = url.hash = "";
  return url.href;
}

// mostUnsent is five seconds of audio, in bytes on the wire.
const mostUnsent = 5 * 50 * 350;

// Line is one call. The handlers are open(), audio(samples), mark(name), clear() and
// end(how): the last comes exactly once, with how it ended: "over" by the other side,
// "hung up" by this one, "lost" when the connection broke, "refused" if there was none.
export class Line {
  constructor(url, callId, handlers, connect = (u) => new WebSocket(u)) {
    this.handlers = handlers;
    this.callId = callId;
    this.streamSid = sid("MZ");
    this.callSid = sid("CA");
    this.accountSid = "AC" + "0".repeat(32);
    this.sequence = 0;
    this.chunk = 0;
    this.wasOpen = this.ended = this.heard = false;
    this.socket = connect(url);
    this.socket.onopen = () => this.opened();
    this.socket.onmessage = (e) => this.received(e.data);
    this.socket.onclose = (e) => this.end(!this.wasOpen ? "refused" : e.wasClean ? "over" : "lost");
    this.socket.onerror = () => {}; // close follows
  }

  opened() {
    this.wasOpen = true;
    this.socket.send(JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" }));
    this.send("start", {
      streamSid: this.streamSid,
      accountSid: this.accountSid,
      callSid: this.callSid,
      tracks: ["inbound"],
      customParameters: { callId: this.callId },
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
    });
    this.handlers.open();
  }

  send(event, body) {
    if (!this.wasOpen || this.ended || this.socket.readyState !== 1) return;
    this.sequence++;
    this.socket.send(JSON.stringify({ event, sequenceNumber: String(this.sequence), [event]: body, streamSid: this.streamSid }));
  }

  // frame sends 160 samples at 8 kHz.
  frame(samples) {
    if (!this.wasOpen || this.ended) return;
    if (this.socket.bufferedAmount > mostUnsent) return this.lost();
    const timestamp = String(this.chunk * 20);
    this.chunk++;
    this.send("media", { track: "inbound", chunk: String(this.chunk), timestamp, payload: toBase64(encode(samples)) });
  }

  // played echoes a mark whose audio has been played, or was cleared.
  played(name) {
    this.send("mark", { name });
  }

  received(text) {
    let m;
    try {
      m = JSON.parse(text);
      if (m.streamSid !== this.streamSid) return;
      if (m.event === "media") {
        this.handlers.audio(decode(fromBase64(m.media.payload)));
        this.heard = true;
      }
      if (m.event === "mark") this.handlers.mark(String(m.mark.name));
      else if (m.event === "clear") this.handlers.clear();
    } catch {
      return; // Twilio drops what it does not understand, too (31951)
    }
  }

  hangUp() {
    this.send("stop", { accountSid: this.accountSid, callSid: this.callSid });
    this.socket.close(1000);
    this.end("hung up");
  }

  // lost gives a connection up that takes nothing any more: a browser notices that a
  // network has gone only minutes later.
  lost() {
    this.socket.close();
    this.end("lost");
  }

  end(how) {
    if (this.ended) return;
    this.ended = true;
    this.handlers.end(how);
  }
}
