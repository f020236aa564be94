// A server's side of the stream that does what a test says: for states of the page that
// a real call passes too fast, or never shows.

// Stage answers the page's WebSocket and its plain question after the link.
export class Stage {
  // on makes pages of context talk to a stage. status answers the plain question.
  static async on(page, { status = 204, refuse = false } = {}) {
    const stage = new Stage();
    stage.status = status;
    stage.opened = new Promise((resolve) => (stage.start = resolve));
    await page.routeWebSocket(/\/voice\/stream\//, (socket) => {
      stage.socket = socket;
      if (refuse) return socket.close();
      socket.onMessage((text) => stage.heard(JSON.parse(text)));
    });
    await page.route(/\/voice\/stream\//, (route) => (stage.status ? route.fulfill({ status: stage.status }) : route.abort()));
    return stage;
  }

  constructor() {
    this.marks = [];
    this.digits = [];
    this.frames = 0;
    this.items = 0;
  }

  heard(m) {
    if (m.event === "start") (this.sid = m.streamSid), this.start();
    if (m.event === "mark") this.marks.push(m.mark.name);
    if (m.event === "dtmf") this.digits.push(m.dtmf.digit);
    if (m.event === "media") this.frames++;
    if (m.event === "stop") this.stopped = true;
  }

  send(m) {
    this.socket.send(JSON.stringify({ streamSid: this.sid, ...m }));
  }

  moment(kind, more = {}) {
    this.send({ event: "moment", moment: { kind, ms: 0, ...more } });
  }

  // speaks sends seconds of a hum in pieces of 60 ms, each with its mark, and the words.
  speaks(text, seconds = 1.2, { words = true } = {}) {
    const item = "item_" + ++this.items;
    const pieces = Math.round(seconds / 0.06);
    for (let i = 0; i < pieces; i++) {
      this.send({ event: "media", media: { payload: hum(i * 480) } });
      this.send({ event: "mark", mark: { name: `g0:${item}:${60 * (i + 1)}` } });
    }
    if (words) this.moment("transcript", { speaker: "agent", name: item, text });
    return `g0:${item}:${60 * pieces}`;
  }

  answers(text) {
    this.moment("callee_started");
    this.moment("callee_stopped");
    this.moment("transcript", { speaker: "callee", name: "item_" + ++this.items, text });
  }

  // played waits until a mark has come back.
  async played(mark) {
    for (let i = 0; i < 1200 && !this.marks.includes(mark); i++) await new Promise((resolve) => setTimeout(resolve, 25));
    if (!this.marks.includes(mark)) throw new Error(mark + " never came back");
  }
}

// hum is 480 samples of a voice-like sound, in mu-law and base64.
function hum(from) {
  const bytes = Buffer.alloc(480);
  for (let i = 0; i < 480; i++) {
    const t = (from + i) / 8000;
    const loud = 0.35 * (0.55 + 0.45 * Math.sin(2 * Math.PI * 3.1 * t));
    const x = loud * (0.6 * Math.sin(2 * Math.PI * 140 * t) + 0.3 * Math.sin(2 * Math.PI * 420 * t) + 0.1 * Math.sin(2 * Math.PI * 1200 * t));
    bytes[i] = code(x);
  }
  return bytes.toString("base64");
}

function code(x) {
  const sign = x < 0 ? 0x80 : 0;
  const s = Math.min(Math.abs(Math.round(x * 32768)), 32635) + 0x84;
  const exponent = 31 - Math.clz32(s) - 7;
  return ~(sign | (exponent << 4) | ((s >> (exponent + 3)) & 15)) & 0xff;
}
