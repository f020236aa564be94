// What the assistant is doing, from the moments that the server tells and from what is
// heard here. No DOM.

// begun is what is known of a call when it begins.
export function begun() {
  return {
    disclosed: false, // said who it is, to the end: before that it cannot be interrupted
    speaking: false, // is being heard
    spoke: false, // has been heard
    hearing: false, // the other side speaks
    waiting: false, // the other side has spoken, and is not answered yet
    tools: [], // under way
    farewell: false,
    apology: false,
    booked: "", // when the appointment is
    reason: "", // why the server ended the call
  };
}

const calendar = new Set(["calendar_find_slots", "calendar_check_slot"]);
const booking = "calendar_create_event";

// told takes a moment and returns what is worth noting beside the transcript, "" if nothing.
export function told(call, { kind, name = "", text = "" }) {
  switch (kind) {
    case "callee_started":
      call.hearing = true;
      call.farewell = false; // an interrupted farewell is taken back
      break;
    case "callee_stopped":
      call.hearing = false;
      call.waiting = true;
      break;
    case "disclosure_played":
      call.disclosed = true;
      break;
    case "tool_called":
      call.tools.push(name);
      if (calendar.has(name)) return "Looked at the calendar";
      break;
    case "tool_answered":
      call.tools = call.tools.filter((tool, i) => i !== call.tools.indexOf(name));
      break;
    case "booked":
      call.booked = text;
      return "Booked: " + text;
    case "farewell_started":
      call.farewell = true;
      break;
    case "apology":
      call.apology = true;
      break;
    case "ended":
      call.reason = name;
      break;
  }
  return "";
}

// heard takes note of whether the assistant is being heard.
export function heard(call, speaking) {
  call.speaking = speaking;
  if (!speaking) return;
  call.spoke = true;
  call.waiting = false;
}

// activity is what the assistant does: a word for the page's looks, the words for a
// person, and what that person may do now.
export function activity(call) {
  if (call.tools.includes(booking)) return { doing: "booking", text: "Booking the appointment", help: "One moment." };
  if (call.tools.some((tool) => calendar.has(tool))) return { doing: "calendar", text: "Looking at the calendar", help: "One moment." };
  if (call.speaking) return speaking(call);
  if (call.hearing) return { doing: "listening", text: "Listening to you", help: "Pause when you are done: the assistant answers." };
  if (call.waiting && call.spoke) return { doing: "thinking", text: "Thinking", help: "" };
  if (!call.spoke) return { doing: "thinking", text: "Connected", help: "Say hello." };
  return { doing: "listening", text: "Your turn", help: "Speak, then pause: the assistant answers." };
}

function speaking(call) {
  if (call.apology) return { doing: "speaking", text: "Apologising", help: "Something went wrong, and the call ends." };
  if (!call.disclosed) return { doing: "speaking", text: "Saying who it is", help: "Let it finish. After that you may interrupt it." };
  if (call.farewell) return { doing: "speaking", text: "Saying goodbye", help: "" };
  return { doing: "speaking", text: "Speaking", help: "You may interrupt it." };
}
