// The tools as a host sees them.
import { canceled, placed, stands } from "./answers.js";
import { originOf } from "./origin.js";
import { problemOf } from "./problems.js";
import { invoke } from "./service.js";
import { callDescription, callParameters, cancelDescription, cancelParameters, idParameters, statusDescription } from "./schemas.js";

// toolsOf returns the tools as factories, each with its toolName: a host calls them with
// the context of a turn.
export function toolsOf(settings) {
  return [
    factory("call_agent", "Call somebody", callDescription, callParameters, (context, args) => callBody(settings, context, args), placed, isPlaced),
    factory("call_agent_status", "Look at a call", statusDescription, idParameters, (_, args) => args, stands, isCall),
    factory("call_agent_cancel", "End a call", cancelDescription, cancelParameters, (_, args) => args, canceled, isCall),
  ];

  function factory(name, label, description, parameters, bodyOf, words, fits) {
    const make = (context) => ({
      name,
      label,
      description,
      parameters,
      async execute(_toolCallId, params, signal) {
        const { requestId, ...args } = objectOf(params);
        const key = keyOf(name === "call_agent" ? requestId : undefined);
        if (!key) return problemOf(name, badRequestId, settings, "");
        const body = JSON.stringify(bodyOf(context, args));
        const { answer, problem } = await invoke(settings, name, body, key, signal);
        if (problem) return problemOf(name, problem, settings, key);
        if (!fits(answer)) return problemOf(name, { kind: "foreign", unknown: false, status: 200 }, settings, key);
        return words(answer);
      },
    });
    return Object.assign(make, { toolName: name });
  }
}

// objectOf takes what /tools/invoke passes on unchecked. What is no object has no field,
// and the service names those that it misses.
function objectOf(params) {
  return params !== null && typeof params === "object" && !Array.isArray(params) ? params : {};
}

const badRequestId = {
  kind: "refused",
  unknown: false,
  error: { code: "invalid_request", message: "The request has a fault.", fields: { requestId: "must be the id that an earlier answer named; leave it out otherwise." } },
};

// keyOf is the idempotency key: fresh for each invocation (a host's toolCallId is not
// unique), or that of an earlier one whose answer was lost.
function keyOf(requestId) {
  if (requestId === undefined || requestId === null) return crypto.randomUUID();
  return typeof requestId === "string" && /^[A-Za-z0-9-]{1,64}$/.test(requestId) ? requestId : undefined;
}

// callBody completes the arguments: the owner's defaults where the assistant gave nothing,
// and the origin, which only the host knows and no assistant may choose.
function callBody(settings, context, args) {
  // Models write null for what they leave out.
  const given = Object.entries(args).filter(([name, value]) => name !== "origin" && value !== null);
  const body = { ...settings.defaults, ...Object.fromEntries(given) };
  const origin = originOf(context);
  if (origin) body.origin = origin;
  return body;
}

// Whether an answer is one of the call agent's; anybody can say {"ok":true}.
const isId = (id) => typeof id === "string" && /^[A-Za-z0-9_-]{1,128}$/.test(id);
const isPlaced = (a) => (isId(a.callId) && typeof a.status === "string") || a.dryRun === true;
const isCall = (a) => isId(a.call?.callId) && typeof a.call.status === "string" && typeof a.call.outcome === "string";
