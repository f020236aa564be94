// Server-sent events as the HTML standard has them ("9.2.6 Interpreting an event stream"),
// read from fetch: EventSource cannot carry a token. No DOM.

// EventParser takes a stream's text as it comes, cut anywhere.
export class EventParser {
  constructor() {
    this.rest = "";
    this.started = false;
    this.lastId = "";
    this.retry = undefined; // milliseconds, where the server said so
    this.event = { type: "", data: [] };
  }

  // push returns the events that are complete by now: {event, data, id}.
  push(text) {
    this.rest += text;
    if (!this.started && this.rest) {
      this.started = true;
      if (this.rest.startsWith("\ufeff")) this.rest = this.rest.slice(1);
    }
    const events = [];
    for (;;) {
      const end = this.rest.search(/[\r\n]/);
      if (end < 0) return events;
      if (this.rest[end] === "\r" && end === this.rest.length - 1) return events; // a \n may follow
      const line = this.rest.slice(0, end);
      this.rest = this.rest.slice(end + (this.rest.startsWith("\r\n", end) ? 2 : 1));
      const event = line === "" ? this.dispatch() : this.field(line);
      if (event) events.push(event);
    }
  }

  dispatch() {
    const { type, data } = this.event;
    this.event = { type: "", data: [] };
    if (data.length === 0) return undefined;
    return { event: type || "message", data: data.join("\n"), id: this.lastId };
  }

  field(line) {
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment: the server is still there
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.event.type = value;
    else if (name === "data") this.event.data.push(value);
    else if (name === "id" && !value.includes("\0")) this.lastId = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
  }
}
