// The call agent over HTTPS: one invocation is one request, sent again with the same
// idempotency key where that may help, and given up when its time is over.
import { setTimeout as sleep } from "node:timers/promises";

const maxAnswer = 1 << 20;
// A wait that the service asks for is kept up to this long; a longer one is the owner's.
const longestWait = 5_000;
const retryDelays = [500, 1_500];

// invoke posts to a tool and returns {answer} or {problem}. It throws only where the host
// gave the invocation up (signal).
//
// A problem has a kind: "refused" carries the service's own error; the others say what
// went wrong on the way. unknown is set where a request of this invocation may have been
// carried out although no answer says so.
export async function invoke(settings, tool, body, key, signal) {
  if (settings.problem) return { problem: { kind: "unconfigured", unknown: false } };
  const limit = AbortSignal.timeout(settings.timeoutMs);
  const until = Date.now() + settings.timeoutMs;
  const either = signal ? AbortSignal.any([signal, limit]) : limit;
  let unknown = false;
  for (let tries = 0; ; tries++) {
    const result = await post(settings, tool, body, key, either);
    signal?.throwIfAborted();
    if (!result.problem) return result;
    unknown ||= result.problem.unknown;
    result.problem.unknown = unknown;
    const wait = waitFor(result.problem, tries);
    if (wait === undefined || Date.now() + wait >= until) return result;
    await sleep(wait, undefined, { signal: either }).catch(() => {});
    signal?.throwIfAborted();
  }
}

// waitFor is how long to wait before the request is sent again; undefined: not at all.
function waitFor(problem, tries) {
  if (!problem.again || tries >= retryDelays.length) return undefined;
  const asked = (problem.retryAfter ?? 0) * 1000;
  return asked > longestWait ? undefined : Math.max(asked, retryDelays[tries]);
}

async function post(settings, tool, body, key, signal) {
  try {
    const response = await fetch(`${settings.base}/tools/${tool}`, {
      method: "POST",
      // A redirect would take the token elsewhere.
      redirect: "manual",
      headers: { authorization: `Bearer ${settings.token}`, "content-type": "application/json", accept: "application/json", "idempotency-key": key },
      body,
      signal,
    });
    return read(response, await textOf(response));
  } catch (error) {
    if (signal.aborted) return { problem: { kind: "slow", unknown: true } };
    return { problem: unreached(error) };
  }
}

// textOf reads an answer of at most 1 MiB; undefined where it is longer.
async function textOf(response) {
  const chunks = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxAnswer) return undefined; // leaving the loop cancels the body
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function read(response, text) {
  const status = response.status;
  const document = parse(text);
  if (response.ok && document?.ok === true) return { answer: document };
  const error = document?.ok === false ? document.error : undefined;
  if (error && typeof error.code === "string") {
    const retryAfter = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
    return {
      problem: {
        kind: "refused",
        unknown: error.code === "internal",
        status,
        error,
        retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined,
        again: status === 429 || status === 503,
      },
    };
  }
  // Somebody else, or a proxy before the call agent, which may have lost an answer of it.
  return { problem: { kind: "foreign", status, unknown: status >= 500, again: status >= 502 && status <= 504 } };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// Faults that come before the first byte of a request.
const neverSent = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EPROTO|UND_ERR_CONNECT_TIMEOUT|ERR_BAD_PORT)$|^ERR_(SSL|TLS)_|CERT|SELF_SIGNED|UNABLE_TO_/;
const certificate = /^ERR_TLS_|CERT|SELF_SIGNED|UNABLE_TO_/;

function unreached(error) {
  // fetch itself refuses a few ports, and gives that no code.
  const code = error?.cause?.message === "bad port" ? "ERR_BAD_PORT" : String(error?.cause?.code ?? error?.code ?? "");
  return {
    kind: certificate.test(code) ? "untrusted" : "unreached",
    code: /^[A-Z0-9_]{1,60}$/.test(code) ? code : "",
    unknown: !neverSent.test(code),
    again: !certificate.test(code),
  };
}
