// The console: who is signed in, where one is, and the line to the server.

import { Api } from "./api.js";
import { announce } from "./dom.js";
import { read } from "./place.js";
import { askToken } from "./question.js";
import "./call.js";
import "./list.js";

const element = (id) => document.getElementById(id);
const kept = "call-agent-token";
const list = document.querySelector("call-list"), page = document.querySelector("call-page");

const api = new Api({
  base: new URL(".", document.baseURI),
  token: sessionStorage.getItem(kept) ?? "",
  ask(reason) {
    sessionStorage.removeItem(kept);
    return askToken(reason);
  },
  keep(token) {
    if (token) sessionStorage.setItem(kept, token);
    element("forget").hidden = !token;
  },
});

// line shows how the stream of what happens now is doing.
const lines = { connecting: "Connecting", live: "Live", waiting: "Reconnecting", over: "" };
let said = "";

function line(state) {
  if (state === "resting" || (state === "connecting" && ["live", "waiting"].includes(said))) return; // as it was, until it is known
  if (state !== said && (state === "waiting" || said === "waiting") && lines[state]) announce(state === "waiting" ? "The connection is lost, and tried again." : "Connected again.");
  said = state;
  element("line").dataset.state = state;
  element("line").querySelector("span").textContent = lines[state] ?? "";
}

// Tabs tell each other what was done, so that none shows what is gone.
const tabs = new BroadcastChannel("call-agent-console");
tabs.onmessage = ({ data }) => {
  list.heard(data);
  page.heard(data);
};
const tell = (what) => {
  tabs.postMessage(what);
  list.heard(what);
};

const given = { api, line, tell };
list.given(given);
page.given(given);

let scrolled = 0, from = ""; // of the list, when a call was opened

function go() {
  const place = read(location.hash);
  const opened = place.view !== "list";
  if (!list.hidden && opened) scrolled = scrollY;
  const returned = list.hidden && !opened;
  list.hidden = opened;
  page.hidden = !opened;
  if (opened) {
    list.leave();
    page.show(place, from);
    return;
  }
  page.leave();
  from = location.hash;
  list.show(place.filters);
  scrollTo(0, returned ? scrolled : 0);
  if (returned) list.focusLast();
}

// Whoever was away wants what is now: the network came back, the page is looked at again,
// or the clock has jumped because the device slept.
const nudge = () => (list.hidden ? page : list).nudge();
addEventListener("online", nudge);
document.addEventListener("visibilitychange", () => document.hidden || nudge());
let before = Date.now();
setInterval(() => {
  if (Date.now() - before > 15_000) nudge();
  before = Date.now();
}, 5000);

element("forget").addEventListener("click", () => {
  sessionStorage.removeItem(kept);
  location.reload();
});
element("skip").addEventListener("click", (e) => {
  e.preventDefault(); // the fragment says where one is
  element("main").focus();
});
history.scrollRestoration = "manual";
addEventListener("hashchange", go);
go();
