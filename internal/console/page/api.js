// The documented API (docs/api.md), with the token that the server wants to see. No DOM.

import { assemble } from "./recording.js";

// Problem is an answer that is no good, in words for a person.
export class Problem extends Error {
  constructor(code, message, { status = 0, retryAfter = 0, fields } = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
    this.fields = fields;
  }

  // passes says that the same may succeed later.
  get passes() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

// An id is what the contract lets it be; what else stands in a link never becomes a path.
export const isCallId = (id) => /^[A-Za-z0-9_-]{1,128}$/.test(id);

export class Api {
  // ask gets a token from the user and is told why: "none" was given, or it was "refused"
  // after it had been good for something ("expired") or not. keep remembers a good one.
  constructor({ base, token = "", ask, keep = () => {}, fetch = (...a) => globalThis.fetch(...a) }) {
    Object.assign(this, { base, token, ask, keep, fetch, good: false });
  }

  // request asks until the server takes the token. Without any it asks first: a login in
  // front of the server may put one into the request.
  async request(path, { method = "GET", body, accept = "application/json", headers = {}, signal } = {}) {
    for (;;) {
      const { token } = this;
      const response = await this.send(path, {
        method, signal, cache: "no-store", credentials: "same-origin", redirect: "manual", referrerPolicy: "no-referrer",
        headers: { Accept: accept, ...(token && { Authorization: "Bearer " + token }), ...(body && { "Content-Type": "application/json" }), ...headers },
        body: body && JSON.stringify(body),
      });
      if (response.type === "opaqueredirect") throw new Problem("login", "A login in front of the server wants to see you. Reload this page.", { status: 401 });
      if (response.status === 401) {
        if (token === this.token) await this.renew();
        continue;
      }
      if (!response.ok && response.status !== 304) throw await problemOf(response);
      if (!this.good) this.keep(token);
      this.good = true;
      return response;
    }
  }

  async send(path, options) {
    try {
      return await this.fetch(new URL(path, this.base), options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem("unreachable", "The server does not answer. Is it running, and is your network there?");
    }
  }

  // renew asks once for all who wait.
  renew() {
    this.asking ??= this.ask(!this.token ? "none" : this.good ? "expired" : "refused").then((token) => {
      Object.assign(this, { token, good: false, asking: undefined });
    });
    return this.asking;
  }

  async json(path, options) {
    const response = await this.request(path, options);
    try {
      return await response.json();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem("strange", "What answered is not the call agent. Something between may answer in its place.", { status: response.status });
    }
  }

  // stream opens server-sent events.
  stream(path, lastId, signal) {
    return this.request(path, { accept: "text/event-stream", headers: lastId ? { "Last-Event-ID": lastId } : {}, signal });
  }

  calls(query, signal) {
    return this.json("calls?" + query, { signal });
  }

  call(id, signal) {
    return this.json("calls/" + encodeURIComponent(id), { signal });
  }

  cancel(callId) {
    return this.json("tools/call_agent_cancel", { method: "POST", body: { callId, reason: "stopped in the console" } });
  }

  delete(id) {
    return this.json("calls/" + encodeURIComponent(id), { method: "DELETE" });
  }

  // recording fetches an attempt's in as many pieces as it takes.
  recording(id, attempt, { progress, signal } = {}) {
    const path = `calls/${encodeURIComponent(id)}/recording?attempt=${attempt}`;
    return assemble((from, to) => this.request(path, { accept: "audio/wav", headers: { Range: `bytes=${from}-${to}` }, signal }), { progress });
  }
}

async function problemOf(response) {
  const { error } = (await response.json().catch(() => undefined)) ?? {};
  const more = { status: response.status, retryAfter: Number(response.headers.get("Retry-After")) || 0, fields: error?.fields };
  if (error?.message) return new Problem(error.code, error.message, more);
  return new Problem("strange", `The server answered ${response.status} and did not say why.`, more);
}
