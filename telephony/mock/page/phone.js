// The page of a call: its states in words, the microphone, the speaker and the line.

import { Line, streamURL } from "./line.js";

const element = (id) => document.getElementById(id);
// Some programs print JSON's \u0026 for the & of the link, and it is copied as printed.
const link = new URLSearchParams(location.hash.slice(1).replaceAll("\\u0026", "&"));
const callId = link.get("callId") ?? "";
const token = link.get("token") ?? "";

const titles = { trouble: "Call", ringing: "Incoming call", connecting: "Call", talking: "On the call", speaking: "On the call", over: "Call ended" };

let line, context, microphone, timer;
let spokenTo = false; // the assistant has begun to speak
let warning = ""; // what is wrong with the microphone; it stands until it is mended

function say(now, state, help = "") {
  document.body.dataset.now = now;
  document.title = element("title").textContent = titles[now];
  element("state").textContent = state;
  element("help").textContent = (line && !line.ended && warning) || help;
}

function warn(words) {
  warning = words;
  if (!line.ended) element("help").textContent = words;
}

function show(answer, hangUp) {
  element("answer").hidden = !answer;
  element("hangup").hidden = !hangUp;
}

function ready() {
  if (!token) {
    say("trouble", "This link is not complete.", "Open the whole link from the field hint of call_agent's answer: it ends in #callId=…&token=….");
  } else if (!window.isSecureContext || !navigator.mediaDevices) {
    say("trouble", "This page may not use your microphone.", "Browsers allow it only over https, or at http://localhost on the same machine. Open the link there.");
  } else if (history.state?.answered) { // kept by the browser when the page is reloaded
    say("over", "This call is over.", "It was answered here, and ended when the page was left or reloaded. Place a new call for a new link.");
  } else {
    say("ringing", "The phone is ringing.", "Answer to talk to the assistant. Your browser will ask for the microphone.");
    show(true, false);
    watch();
  }
}

// watch stops the ringing when the link's time is over: its third part is when, in
// seconds. Only the server's clock decides, so it is asked.
function watch() {
  const left = Number(token.split(".")[2]) * 1000 - Date.now();
  if (!(left < 86400_000)) return; // no token of ours
  setTimeout(async () => {
    if (document.body.dataset.now !== "ringing") return;
    const { state, help, again } = await whyNotConnected();
    if (again || document.body.dataset.now !== "ringing") return;
    say("trouble", state, help);
    show(false, false);
  }, Math.max(0, left) + 1000);
}

// whyNoMicrophone explains a DOMException of getUserMedia.
function whyNoMicrophone(error) {
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

async function answer() {
  show(false, false);
  say("connecting", "Asking for your microphone…", "Allow it in the browser's question.");
  try {
    microphone = await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    say("trouble", "No microphone.", whyNoMicrophone(error));
    show(true, false);
    return;
  }
  try {
    await connect();
  } catch (error) {
    release();
    if (error.name === "AbortError") say("trouble", gone.state, gone.help); // the worklet could not be loaded
    else say("trouble", "This browser cannot carry the call.", "Its audio could not be started (" + error.name + "). A current Firefox, Chrome, Edge or Safari can.");
    show(true, false);
  }
}

async function connect() {
  say("connecting", "Connecting…");
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
  show(false, true);
  listen(ear.port, mouth.port, line);
}

function listen(ear, mouth, line) {
  const level = meter();
  ear.onmessage = (e) => {
    line.frame(e.data);
    level(e.data);
  };
  mouth.onmessage = (e) => {
    if (e.data.mark !== undefined) later(() => line.played(e.data.mark));
    else later(() => line.ended || turn(e.data.speaking));
  };
  microphone.getTracks()[0].onended = () => warn("Your microphone has gone: the assistant cannot hear you. Hang up, connect it, and place a new call.");
  context.onstatechange = () => {
    if (context?.state === "running") warn("");
    else if (context && context.state !== "closed") {
      warn("The browser has paused the sound of this call. Come back to this page.");
      context.resume().catch(() => {}); // said above
    }
  };
}

// later waits until what the speaker was just given has left it: with wireless
// headphones that takes a quarter of a second, and the farewell must be heard whole.
function later(then) {
  setTimeout(then, 1000 * (context?.outputLatency || context?.baseLatency || 0));
}

// turn says whose turn it is. What the assistant says first, that it is one, cannot be
// interrupted; where that ends, the page does not know.
function turn(speaking) {
  if (speaking) {
    say("speaking", "The assistant is speaking.", spokenTo ? "You may interrupt it." : "It first says who it is: let it finish. After that you may interrupt it.");
    spokenTo = true;
  } else say("talking", "Your turn.", "Speak, then pause: the assistant answers.");
}

// meter shows the microphone's level, and says so if nothing at all has come from it.
function meter() {
  const quiet = 0.003, patience = 400; // frames of 20 ms
  let frames = 0, heard = false, shown = 0;
  return (samples) => {
    const peak = samples.reduce((most, s) => Math.max(most, Math.abs(s)), 0);
    if (peak > quiet && !heard) {
      heard = true;
      if (frames >= patience) warn("");
    }
    shown = Math.max(peak, shown * 0.85);
    if (++frames % 4 === 0) element("meter").value = Math.sqrt(shown);
    if (frames === patience && !heard) warn("Nothing has come from your microphone yet. Is it muted, or is another one chosen?");
  };
}

function talking() {
  spokenTo = false;
  warning = "";
  history.replaceState({ answered: true }, "");
  say("talking", "You are on the call.", "Say hello.");
  element("level").hidden = element("clock").hidden = false;
  const since = Date.now();
  const tick = () => {
    const seconds = Math.floor((Date.now() - since) / 1000);
    element("clock").textContent = Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
  };
  tick();
  timer = setInterval(tick, 1000);
}

function ended(how) {
  release();
  show(false, false);
  const next = "Whoever placed the call can ask for its result now (call_agent_status). You may close this page.";
  switch (how) {
    case "hung up":
      return say("over", "You hung up.", next);
    case "over":
      if (!line.heard) return say("over", "The call ended before the assistant spoke.", "The server's log says why. Place a new call for a new link.");
      return say("over", "The call has ended.", next);
    case "lost":
      return say("over", "The connection was lost.", "The server or the network has gone, and the call with it. Place a new call for a new link.");
  }
  say("connecting", "Connecting…");
  whyNotConnected().then(({ state, help, again }) => {
    say("trouble", state, help);
    show(again, false);
  });
}

const gone = { state: "The server does not answer.", help: "Is it still running? Start it, and place a new call for a new link.", again: true };

// whyNotConnected asks for the stream's address by plain HTTP, since a browser tells no
// script why a WebSocket was refused. That uses no link up.
async function whyNotConnected() {
  let status;
  try {
    status = (await fetch(streamURL(location.href, token).replace(/^ws/, "http"), { cache: "no-store" })).status;
  } catch {
    return gone;
  }
  switch (status) {
    case 403:
      return { state: "This link is not valid.", help: "It was cut short, or the server that made it was started anew since. Place a new call and open its whole link." };
    case 410:
      return { state: "This link was used, or is too old.", help: "Each link works once, and for ten minutes. Place a new call for a new link." };
    case 503:
      return { state: "The server is busy.", help: "It holds as many calls as it can, or it is stopping. Answer again in a moment.", again: true };
  }
  return { state: "The call could not be connected.", help: "The server is there, but the line did not open (" + status + "). A proxy between may not carry WebSockets.", again: true };
}

function release() {
  clearInterval(timer);
  element("level").hidden = true;
  microphone?.getTracks().forEach((track) => track.stop());
  if (context && context.state !== "closed") context.close();
  microphone = context = undefined;
}

element("answer").addEventListener("click", answer);
element("hangup").addEventListener("click", () => line.hangUp());
addEventListener("pagehide", () => line?.hangUp());
addEventListener("hashchange", () => location.reload()); // another link was opened in this tab
ready();
