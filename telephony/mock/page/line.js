// The phone's side of a Media Streams connection, as Twilio would be it: connected,
// start, 20 ms frames of mu-law, keys, marks echoed when their audio has been played,
// stop. Beyond Twilio it asks to be told the call's moments. No DOM and no audio in here.

import { decode, encode } from "./g711.js";

// moments is the WebSocket subprotocol by which the server tells what happens in the call.
const moments = "moments.call-agent";

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

// parse reads a message; undefined if it is none. Twilio drops what it does not
// understand, too (31951).
function parse(text) {
  try {
    const m = JSON.parse(text);
    if (m.event === "media") m.samples = decode(fromBase64(m.media.payload));
    if (m.event === "mark" && typeof m.mark.name !== "string") return undefined;
    if (m.event === "moment" && typeof m.moment.kind !== "string") return undefined;
    return m;
  } catch {
    return undefined;
  }
}

// mostUnsent is five seconds of audio, in bytes on the wire.
const mostUnsent = 5 * 50 * 350;

// mostSilent is how long the server may say nothing at all, in ms by the clock on the
// wall, which goes on while the device sleeps: it says every few seconds that it is alive.
const mostSilent = 15000;

// Line is one call. The handlers are open(), audio(samples), mark(name), clear(),
// moment(moment) and end(how): the last comes exactly once, with how it ended: "over" by
// the other side, "hung up" by this one, "lost" when the connection broke, "refused" if
// there was none.
export class Line {
  constructor(url, callId, handlers, connect = (u) => new WebSocket(u, moments)) {
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
    // 1000 is the server's goodbye, also where a frame of ours that crossed it reset the connection.
    this.socket.onclose = (e) => this.end(!this.wasOpen ? "refused" : e.wasClean || e.code === 1000 ? "over" : "lost");
    this.socket.onerror = () => {}; // close follows
  }

  opened() {
    this.wasOpen = true;
    this.lastWord = Date.now();
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

  // press sends a key: 0-9, * or #.
  press(digit) {
    this.send("dtmf", { track: "inbound_track", digit });
  }

  // check gives the line up if nothing has come over it for too long.
  check() {
    if (this.wasOpen && !this.ended && Date.now() - this.lastWord > mostSilent) this.lost();
  }

  // played echoes a mark whose audio has been played, or was cleared.
  played(name) {
    this.send("mark", { name });
  }

  received(text) {
    this.lastWord = Date.now();
    const m = parse(text);
    if (m?.event === "moment") return this.handlers.moment(m.moment);
    if (m?.streamSid !== this.streamSid) return;
    switch (m.event) {
      case "media":
        this.heard = true;
        return this.handlers.audio(m.samples);
      case "mark":
        return this.handlers.mark(m.mark.name);
      case "clear":
        return this.handlers.clear();
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
