// What the assistant is told where an invocation brought no answer: one sentence on what
// is known, one on what to do. It never says failed where that is not known.
import { line } from "./quote.js";
import { result } from "./answers.js";

const config = "plugins.entries.call-agent.config";

// problemOf words a problem of tool. requestId is the key under which a call was asked for;
// repeating it is safe.
export function problemOf(tool, problem, settings, requestId) {
  const words = [sentence(tool, problem, settings)];
  const unknown = tool === "call_agent" && problem.unknown;
  if (tool === "call_agent" && !unknown) words.push("This invocation placed no call.");
  if (unknown) {
    words.push(
      "Whether the call was placed is NOT known: it may be under way. Do not say that it failed. " +
        `To find out, invoke call_agent again with exactly the same arguments and requestId "${requestId}": that never dials twice, and answers with the callId. ` +
        "If it was placed, the owner is told in this chat how it ended.",
    );
  }
  const told = { tool, kind: problem.kind };
  if (problem.status) told.httpStatus = problem.status;
  if (problem.code) told.code = problem.code;
  if (problem.kind === "refused") Object.assign(told, refusal(problem));
  if (unknown) Object.assign(told, { callPlaced: "unknown", requestId });
  return result(words.join(" "), { problem: told });
}

function refusal(problem) {
  const told = { code: line(problem.error.code, 60), message: line(problem.error.message ?? "") };
  const fields = fieldsOf(problem.error);
  if (fields.length > 0) told.fields = Object.fromEntries(fields);
  if (problem.retryAfter !== undefined) told.retryAfterSeconds = problem.retryAfter;
  return told;
}

function fieldsOf(error) {
  const fields = error.fields !== null && typeof error.fields === "object" ? error.fields : {};
  return Object.entries(fields)
    .slice(0, 20)
    .map(([name, fault]) => [line(name, 60), line(fault, 300)]);
}

function sentence(tool, problem, settings) {
  const seconds = settings.timeoutMs / 1000;
  switch (problem.kind) {
    case "unconfigured":
      return `The call agent is not set up: ${settings.problem}. Tell the owner to set it.`;
    case "slow":
      return `The call agent did not answer within ${seconds} seconds.`;
    case "unreached":
      return `The call agent was not reached at ${hostOf(settings)}${problem.code ? ` (${problem.code})` : ""}. Tell the owner to check that it runs, and ${config}.url.`;
    case "untrusted":
      return `The certificate at ${hostOf(settings)} is not trusted (${problem.code}). Tell the owner to check ${config}.url; a private authority must be named to the gateway in NODE_EXTRA_CA_CERTS.`;
    case "foreign":
      return `What answers at ${hostOf(settings)} (HTTP ${problem.status}) is not the call agent${problem.unknown ? ", or it is down behind a proxy" : ""}. Tell the owner to check ${config}.url.`;
    default:
      return refused(tool, problem);
  }
}

// refused words the service's own error; its message says how to mend it.
function refused(tool, problem) {
  const { code, message } = problem.error;
  const says = line(message ?? "");
  const wait = problem.retryAfter === undefined ? "some time" : `${problem.retryAfter} seconds`;
  switch (code) {
    case "invalid_request": {
      const fields = fieldsOf(problem.error).map(([name, fault]) => `${name} ${fault}`);
      return `The call agent cannot use the request: ${says}${fields.length > 0 ? ` (${fields.join("; ")})` : ""} Mend that, asking the owner for what you do not know, and invoke ${tool} again.`;
    }
    case "unauthorized":
      return `The call agent does not know the token. Tell the owner to set ${config}.token to one of its tools.tokens.`;
    case "forbidden":
      return `The call agent does not allow this: ${says} Tell the owner; do not try again.`;
    case "not_found":
      return `The call agent does not find it: ${says}`;
    case "conflict":
      return `The call agent sees a conflict: ${says} Do not call again; use call_agent_status with the callId that is named.`;
    case "too_large":
      return `The request is too long: ${says}`;
    case "rate_limited":
    case "unavailable":
      return `The call agent cannot do it now: ${says} Try again in ${wait}, or tell the owner.`;
    case "internal":
      return `The call agent met a fault of its own: ${says}`;
    default:
      return `The call agent refuses (${line(code, 60)}): ${says}`;
  }
}

function hostOf(settings) {
  return new URL(settings.base).host;
}
