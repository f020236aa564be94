// What the page says when something stands in the way, or the call is over.

export const anew = "Place a new call for a new link.";

// whyNoMicrophone explains a DOMException of getUserMedia.
export function whyNoMicrophone(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "The microphone was refused. Allow it for this page beside the browser's address bar, and in the system's privacy settings, then answer again.";
    case "NotFoundError":
      return "There is no microphone. Connect one, then answer again.";
    case "NotReadableError":
      return "Another program holds the microphone. Close it, then answer again.";
    default:
      return "The microphone cannot be used (" + error.name + "). Try another one, or another browser.";
  }
}

// incomplete, insecure and left are links that cannot be answered here.
export const incomplete = { state: "This link is not complete.", help: "Open the whole link from the field hint of call_agent's answer: it ends in #callId=…&token=…." };
export const insecure = { state: "This page may not use your microphone.", help: "Browsers allow it only over https, or at http://localhost on the same machine. Open the link there." };
export const left = { state: "This call is over.", help: "It was answered here, and ended when the page was left or reloaded." };
export const elsewhere = { state: "Answered in another tab.", help: "The call goes on there. Each link can be answered once." };
export const gone = { state: "The server does not answer.", help: "Is it still running? Start it, and place a new call for a new link.", again: true };

// whyNotConnected explains the status with which the stream's address answers a plain
// request: a browser tells no script why a WebSocket was refused.
export function whyNotConnected(status) {
  switch (status) {
    case 403:
      return { state: "This link is not valid.", help: "It was cut short, or the server that made it was started anew since. Place a new call and open its whole link." };
    case 410:
      return { state: "This link was used, or is too old.", help: "Each link works once, and for ten minutes. " + anew };
    case 503:
      return { state: "The server is busy.", help: "It holds as many calls as it can, or it is stopping. Answer again in a moment.", again: true };
  }
  return { state: "The call could not be connected.", help: "The server is there, but the line did not open (" + status + "). A proxy between may not carry WebSockets.", again: true };
}

// faults are ends of a call that are not the callee's doing, by the session's reason.
const faults = {
  model_lost: "The voice model could not be reached, or its connection broke.",
  model_silent: "The voice model was connected and did not speak.",
  disclosure_missing: "The voice model did not say that it is an AI, so the call was ended.",
  bad_stream: "The server could not use what this page sent.",
  phone_lost: "Nothing came from this page for too long.",
  drained: "The server is being taken out of service.",
  host_lost: "The server stopped during the call.",
  silence: "Nobody said anything for too long.",
  max_length: "The call reached its longest time.",
  canceled: "Whoever placed the call ended it.",
};

const done = "Whoever placed the call can ask for its result now (call_agent_status). You may close this page.";

// whyOver says how a call ended, and what may come next. how is the line's word; the
// rest is what is known of the call.
export function whyOver(how, { booked, reason, heard, slept }) {
  if (how === "lost" && slept) return { state: "The call ended while this device slept.", help: "The assistant heard nothing for too long.", next: anew };
  if (how === "lost") return { state: "The connection was lost.", help: "The server or the network has gone, and the call with it.", next: anew };
  if (how === "hung up") return { state: "You hung up.", help: "", next: done };
  if (booked) return { state: "Booked", help: booked, next: done };
  if (faults[reason]) return { state: "The call has ended.", help: faults[reason], next: done };
  if (!heard) return { state: "The call has ended.", help: "The assistant did not speak; the server's log says why.", next: anew };
  return { state: "The call has ended.", help: "", next: done };
}
