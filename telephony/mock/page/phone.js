import { Line, streamURL } from "./line.js";

const element = (id) => document.getElementById(id);
const link = new URLSearchParams(location.hash.slice(1));
const callId = link.get("callId") ?? "";
const token = link.get("token") ?? "";

let line, context, microphone, timer;

function say(state, help = "") {
  element("state").textContent = state;
  element("help").textContent = help;
}

function show(answer, hangup) {
  element("answer").hidden = !answer;
  element("hangup").hidden = !hangup;
}

function ready() {
  if (!token) {
    say("This link is not complete.", "Open the whole link from the field hint of call_agent's answer: it ends in #callId=…&token=….");
  } else if (!window.isSecureContext || !navigator.mediaDevices) {
    say("This page may not use your microphone.", "Browsers allow it only over https, or at http://localhost on the same machine. Open the link there.");
  } else {
    say("The phone is ringing.", "Answer to talk to the assistant.");
    show(true, false);
  }
}

// whyNoMicrophone explains a DOMException of getUserMedia.
function whyNoMicrophone(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "The microphone was refused. Allow it for this page in the browser's address bar, then answer again.";
    case "NotFoundError":
      return "There is no microphone. Connect one, then answer again.";
    case "NotReadableError":
      return "Another program holds the microphone. Close it, then answer again.";
    default:
      return "The microphone cannot be used (" + error.name + "). Try another one, or another browser.";
  }
}

async function answer() {
  show(false, false);
  say("Asking for your microphone…");
  try {
    microphone = await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    say("No microphone.", whyNoMicrophone(error));
    show(true, false);
    return;
  }
  try {
    await connect();
  } catch (error) {
    release();
    say("This browser cannot carry the call.", "Its audio could not be started (" + error.name + "). A current Firefox, Chrome, Edge or Safari can.");
    show(true, false);
  }
}

async function connect() {
  say("Connecting…");
  context = new AudioContext({ latencyHint: "interactive" });
  await context.audioWorklet.addModule(new URL("audio.js", import.meta.url));
  await context.resume();
  const ear = new AudioWorkletNode(context, "microphone", { channelCount: 1, channelCountMode: "explicit" });
  const mouth = new AudioWorkletNode(context, "speaker", { numberOfInputs: 0, outputChannelCount: [1] });
  context.createMediaStreamSource(microphone).connect(ear);
  ear.connect(context.destination); // silent; it keeps the node running
  mouth.connect(context.destination);
  line = new Line(streamURL(location.href, token), callId, {
    open: talking,
    audio: (samples) => mouth.port.postMessage({ samples }),
    mark: (name) => mouth.port.postMessage({ mark: name }),
    clear: () => mouth.port.postMessage({ clear: true }),
    end: ended,
  });
  ear.port.onmessage = (e) => line.frame(e.data);
  mouth.port.onmessage = (e) => {
    if (e.data.mark !== undefined) line.played(e.data.mark);
    else if (!line.ended) say(e.data.speaking ? "The assistant is speaking." : "You are on the call.");
  };
}

function talking() {
  say("You are on the call.", "Say hello.");
  show(false, true);
  const since = Date.now();
  element("clock").hidden = false;
  const tick = () => {
    const seconds = Math.floor((Date.now() - since) / 1000);
    element("clock").textContent = Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
  };
  tick();
  timer = setInterval(tick, 1000);
}

function ended(wasOpen) {
  release();
  show(false, false);
  if (wasOpen) {
    say("The call has ended.", "You can close this page. A new attempt has a new link.");
  } else {
    say("The call could not be connected.", "Each link works once and for ten minutes. Ask for the call's status, or place a new call.");
  }
}

function release() {
  clearInterval(timer);
  microphone?.getTracks().forEach((track) => track.stop());
  if (context && context.state !== "closed") context.close();
  microphone = context = undefined;
}

element("answer").addEventListener("click", answer);
element("hangup").addEventListener("click", () => line.hangUp());
addEventListener("pagehide", () => line?.hangUp());
ready();
