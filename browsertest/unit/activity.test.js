import assert from "node:assert/strict";
import { test } from "node:test";
import { activity, begun, heard, told } from "../../telephony/mock/page/activity.js";

test("a whole call, as a person sees it", () => {
  const call = begun(), seen = [];
  const see = () => seen.push(activity(call).text);
  const moment = (kind, more = {}) => (told(call, { kind, ...more }), see());
  const speak = (yes) => (heard(call, yes), see());
  see(), moment("callee_started"), moment("callee_stopped");
  speak(true), speak(false), moment("disclosure_played");
  speak(true), speak(false);
  moment("callee_started"), moment("callee_stopped"), moment("tool_called", { name: "calendar_find_slots" }), moment("tool_answered", { name: "calendar_find_slots" });
  speak(true), moment("callee_started"), speak(false), moment("callee_stopped");
  moment("tool_called", { name: "calendar_create_event" }), moment("tool_answered", { name: "calendar_create_event" });
  moment("farewell_started"), speak(true), speak(false);
  assert.deepEqual(seen, [
    "Connected", "Listening to you", "Connected",
    "Saying who it is", "Your turn", "Your turn",
    "Speaking", "Your turn",
    "Listening to you", "Thinking", "Looking at the calendar", "Thinking",
    "Speaking", "Speaking", "Listening to you", "Thinking",
    "Booking the appointment", "Thinking",
    "Thinking", "Saying goodbye", "Your turn",
  ]);
});

test("two tools of one name are two", () => {
  const call = begun();
  for (const kind of ["tool_called", "tool_called", "tool_answered"]) told(call, { kind, name: "calendar_check_slot" });
  assert.equal(activity(call).doing, "calendar");
  told(call, { kind: "tool_answered", name: "calendar_check_slot" });
  assert.notEqual(activity(call).doing, "calendar");
});

test("a moment that is not known changes nothing", () => {
  const call = begun(), before = structuredClone(call);
  assert.equal(told(call, { kind: "later" }), "");
  assert.deepEqual(call, before);
});

test("a farewell that is interrupted is taken back", () => {
  const call = begun();
  told(call, { kind: "disclosure_played" });
  told(call, { kind: "farewell_started" });
  heard(call, true);
  told(call, { kind: "callee_started" });
  assert.equal(activity(call).text, "Speaking");
});
