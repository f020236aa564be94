// The page of a call: the state of the line, what the assistant does, and the buttons.

import { activity, begun, heard, told } from "./activity.js";
import { Line, streamURL } from "./line.js";
import { NoSound, Sound } from "./sound.js";
import * as words from "./words.js";
import "./keypad.js";
import "./meter.js";
import "./transcript.js";

const element = (id) => document.getElementById(id);
// Some programs print JSON's \u0026 for the & of the link, and it is copied as printed.
const link = new URLSearchParams(location.hash.slice(1).replaceAll("\\u0026", "&"));
const callId = link.get("callId") ?? "";
const token = link.get("token") ?? "";

const transcript = element("transcript");
const tabs = new BroadcastChannel("call " + callId);

let line, sound, timer;
let call = begun();
let since = 0; // when the line opened
let slept = false; // the device has, during the call
const received = new Map(), finished = new Map(); // milliseconds of the assistant's items that have come, and been played
const warnings = new Map(); // what stands in the way, by what it concerns; the oldest is shown

// The page is loading, ringing, connecting, talking, over or in trouble.
const is = (state) => document.body.dataset.now === state;
const lineStates = { ringing: "Ringing", connecting: "Connecting", talking: "Connected", over: "Ended", trouble: "Not connected" };
const titles = { ringing: "Incoming call", connecting: "Connecting…", talking: "On the call", over: "Call ended", trouble: "Call" };

function enter(state, text, help = "", next = "") {
  document.body.dataset.now = state;
  document.body.dataset.doing = call.booked && state === "over" ? "booked" : "";
  document.title = titles[state];
  element("linestate").textContent = lineStates[state];
  say(text, help);
  element("next").textContent = next;
  announce([text, help, next].join(" "));
  show("answer", state === "ringing");
  for (const id of ["mute", "keys", "hangup"]) show(id, state === "talking");
  element("theirs").ariaDisabled = element("mine").ariaDisabled = String(state !== "talking");
}

function say(text, help) {
  const [warning] = is("talking") ? warnings.values() : [];
  element("state").textContent = text;
  element("help").textContent = warning ?? help;
}

// announce tells those who do not see the page.
function announce(text) {
  element("announce").textContent = text;
}

function show(id, yes) {
  element(id).hidden = !yes;
}

function trouble({ state, help, again = false }) {
  enter("trouble", state, help);
  show("answer", again);
}

function warn(about, text) {
  if (warnings.get(about) === text) return;
  if (text) warnings.set(about, text);
  else warnings.delete(about);
  if (text) announce(text);
  refresh();
}

// refresh shows what the assistant is doing.
function refresh() {
  if (!is("talking")) return;
  const { doing, text, help } = activity(call);
  if (doing !== document.body.dataset.doing && (doing === "calendar" || doing === "booking")) announce(text);
  document.body.dataset.doing = doing;
  say(text, help);
}

function ready() {
  if (!token) return trouble(words.incomplete);
  if (!window.isSecureContext || !navigator.mediaDevices) return trouble(words.insecure);
  if (history.state?.answered) return enter("over", words.left.state, words.left.help, words.anew); // kept by the browser when the page is reloaded
  enter("ringing", "is calling you", "Answer to talk to it. Your browser will ask for the microphone.");
  tabs.onmessage = otherTab;
  tabs.postMessage("who answered?");
  stillRinging();
  document.addEventListener("visibilitychange", () => document.hidden || stillRinging()); // the device may have slept
  const left = Number(token.split(".")[2]) * 1000 - Date.now(); // the link's third part is when its time is over
  if (left < 86400_000) setTimeout(stillRinging, Math.max(0, left) + 1000);
}

// otherTab hears from tabs with the same link: one of them may have answered.
function otherTab({ data }) {
  if (data === "answered" && is("ringing")) enter("over", words.elsewhere.state, words.elsewhere.help);
  if (data === "who answered?" && line?.wasOpen) tabs.postMessage("answered");
}

// stillRinging asks whether the link still works. Only the server's clock decides.
async function stillRinging() {
  if (!is("ringing")) return;
  const why = await whyNotConnected();
  if (is("ringing") && why && !why.again) trouble(why);
}

async function answer() {
  enter("connecting", "One moment…", "Allow the microphone in your browser's question.");
  try {
    sound = await Sound.open({ frame, mark: played, speaking, level, paused, unplugged });
  } catch (error) {
    return trouble(whyNoSound(error));
  }
  enter("connecting", "Connecting…");
  line = new Line(streamURL(location.href, token), callId, {
    open: opened, end: ended, moment, clear,
    audio: (samples) => sound.play(samples),
    mark: (name) => {
      const [item, ms] = placeOf(name);
      if (item) came(item, ms);
      sound.mark(name);
    },
  });
}

function whyNoSound(error) {
  if (!(error instanceof NoSound)) return { state: "No microphone.", help: words.whyNoMicrophone(error), again: true };
  if (error.name === "AbortError") return words.gone; // the worklet could not be loaded
  return { state: "This browser cannot carry the call.", help: "Its audio could not be started (" + error.name + "). A current Firefox, Chrome, Edge or Safari can.", again: true };
}

function opened() {
  history.replaceState({ answered: true }, "");
  tabs.postMessage("answered");
  since = Date.now();
  let before = since;
  timer = setInterval(() => {
    if (Date.now() - before > 10_000) slept = true;
    before = Date.now();
    element("clock").textContent = clock();
    line.check();
  }, 1000);
  element("clock").textContent = clock();
  enter("talking", "Connected", "Say hello.");
  refresh();
  element("mute").focus();
}

function clock() {
  const seconds = Math.floor((Date.now() - since) / 1000);
  return Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
}

// frame takes 20 ms of the microphone.
const patience = 400, quiet = 0.003;
let frames = 0, sounded = false;

function frame(samples) {
  if (!is("talking")) return;
  line.frame(samples);
  let peak = 0;
  for (const s of samples) peak = Math.max(peak, Math.abs(s));
  if (++frames % 2 === 0) element("mine").show(peak);
  if (!sounded && peak > quiet) {
    sounded = true;
    warn("silent", "");
  }
  if (frames === patience && !sounded && !muted()) warn("silent", "Nothing has come from your microphone yet. Is it switched off, or is another one chosen?");
}

// level takes the loudness of what is played. The picture breathes with whose turn it is.
function level(peak) {
  element("theirs").show(peak);
  const whose = document.body.dataset.doing === "listening" ? "mine" : "theirs";
  element("orb").style.setProperty("--level", element(whose).level.toFixed(3));
}

// placeOf reads a mark of the session's: which item, and how many milliseconds of it
// (media/playback.go). Others place nothing.
function placeOf(name) {
  const [, item, ms] = /^g\d+:(.+):(\d+)$/.exec(name) ?? [];
  return [item, Number(ms)];
}

function played(name) {
  line.played(name);
  const [item, ms] = placeOf(name);
  if (!item) return;
  finished.set(item, ms);
  transcript.heard(item, ms / received.get(item));
}

function clear() {
  sound.clear();
  for (const item of received.keys()) transcript.interrupted(item);
}

function speaking(yes) {
  heard(call, yes);
  refresh();
}

// came takes note of how much of an item has come. One that goes on after all that there
// was of it has been played came too late: the line is unsteady.
let steady;

function came(item, ms) {
  if (received.has(item) && received.get(item) === finished.get(item)) {
    document.body.dataset.line = "unsteady";
    element("linestate").textContent = "Unsteady";
    clearTimeout(steady);
    steady = setTimeout(() => {
      document.body.dataset.line = "";
      if (is("talking")) element("linestate").textContent = lineStates.talking;
    }, 8000);
  }
  received.set(item, ms);
}

function moment(m) {
  const note = told(call, m);
  if (note) transcript.note(note, m.kind === "booked" ? "event done" : "event");
  if (m.kind === "booked") announce(note);
  if (m.kind === "callee_started") transcript.began("callee");
  if (m.kind === "transcript") transcript.says(m.speaker, m.name, m.text);
  if (m.kind === "filler") transcript.says("agent", m.name, m.text);
  refresh();
}

function paused(yes) {
  warn("paused", yes ? "The browser has paused the sound of this call. Come back to this page." : "");
}

function unplugged() {
  warn("unplugged", "Your microphone has gone: the assistant cannot hear you. Hang up, connect it, and place a new call.");
}

function ended(how) {
  clearInterval(timer);
  clearTimeout(steady);
  sound.close();
  document.body.dataset.line = "";
  element("mine").rest();
  element("theirs").rest();
  showKeys(false);
  if (how === "refused") return notConnected();
  transcript.end();
  transcript.note("Call ended after " + clock());
  const { state, help, next } = words.whyOver(how, { ...call, heard: line.heard, slept });
  enter("over", state, help, next);
}

async function notConnected() {
  trouble((await whyNotConnected()) ?? words.whyNotConnected(204));
}

// whyNotConnected asks for the stream's address by plain HTTP, which uses no link up;
// nothing where it would be taken.
async function whyNotConnected() {
  try {
    const { status } = await fetch(streamURL(location.href, token).replace(/^ws/, "http"), { cache: "no-store" });
    return status === 204 ? undefined : words.whyNotConnected(status);
  } catch {
    return words.gone;
  }
}

const muted = () => element("mute").ariaPressed === "true";

function mute() {
  const yes = !muted();
  element("mute").ariaPressed = String(yes);
  sound.mute(yes);
  warn("muted", yes ? "You are muted: the assistant cannot hear you." : "");
}

function showKeys(yes) {
  show("keypad", yes);
  element("keys").ariaExpanded = String(yes);
  if (yes) element("keypad").querySelector("button").focus();
}

element("answer").addEventListener("click", answer);
element("hangup").addEventListener("click", () => line.hangUp());
element("mute").addEventListener("click", mute);
element("keys").addEventListener("click", () => showKeys(element("keypad").hidden));
element("keypad").addEventListener("digit", (e) => line.press(e.detail));
element("keypad").addEventListener("keydown", (e) => {
  if (e.key !== "Escape") return;
  showKeys(false);
  element("keys").focus();
});
addEventListener("offline", () => line && warn("offline", "Your network has gone. The call ends if it does not come back at once."));
addEventListener("online", () => warn("offline", ""));
addEventListener("pagehide", () => line?.hangUp());
addEventListener("hashchange", () => location.reload()); // another link was opened in this tab
ready();
