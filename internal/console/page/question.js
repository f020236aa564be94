// The two things that are asked of the user: a token, and whether something is meant.

import { announce, make } from "./dom.js";

const element = (id) => document.getElementById(id);

const why = {
  none: "",
  refused: "The server does not know this token. Look for a blank or a missing character, or take another one.",
  expired: "The server takes your token no more. Give one that is good, and the page goes on where it is.",
};

// askToken returns one that the user gave, in a dialog before the page, which stays as it is.
export function askToken(reason) {
  const dialog = element("login"), field = element("token");
  element("loginwhy").textContent = why[reason];
  element("logintitle").textContent = reason === "expired" ? "Sign in again" : "Sign in";
  dialog.dataset.why = reason;
  field.value = "";
  field.ariaInvalid = String(reason !== "none");
  dialog.showModal();
  dialog.oncancel = (e) => e.preventDefault(); // there is nothing to see without one
  return new Promise((resolve) => {
    dialog.onclose = () => {
      const token = field.value.trim();
      field.value = "";
      if (!token || /[^\x21-\x7e]/.test(token)) return askToken(token ? "refused" : reason).then(resolve); // no header holds anything else
      resolve(token);
    };
  });
}

// sure asks before something that cannot be undone, and does it while the dialog stays. It
// resolves to whether it was done.
export function sure({ title, meaning, yes, no = "Not now", doing, act }) {
  const dialog = element("question");
  const [leave, go] = dialog.querySelectorAll("button"), fault = dialog.querySelector(".fault");
  element("asked").textContent = title;
  element("meaning").replaceChildren(...meaning.map((part) => (Array.isArray(part) ? make("ul", {}, ...part.map((text) => make("li", { text }))) : make("p", { text: part }))));
  fault.textContent = "";
  leave.textContent = no;
  go.textContent = yes;
  go.disabled = leave.disabled = false;
  dialog.showModal();
  leave.focus();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "done");
    dialog.oncancel = () => (dialog.returnValue = "");
    leave.onclick = () => (dialog.returnValue = "");
    go.onclick = async (e) => {
      e.preventDefault(); // it closes when it is done
      go.disabled = leave.disabled = true;
      announce((go.textContent = doing));
      try {
        await act();
        dialog.close("done");
      } catch (problem) {
        fault.textContent = problem.message;
        go.textContent = yes;
        go.disabled = leave.disabled = false;
        go.focus();
      }
    };
  });
}
