// What stands where there is nothing else to show: nothing yet, nothing at all, or trouble.

import { icon, make } from "./dom.js";

// instead is a picture, a sentence, what it means, and what one may do: [words, function].
export function instead(picture, title, help, ...actions) {
  return make("div", { class: "state" },
    make("span", { class: "picture " + picture }, icon(picture)),
    make("p", { class: "title", text: title }),
    help && make("p", { class: "quiet", text: help }),
    ...actions.filter(Boolean).map(([text, click]) => make("button", { type: "button", text, on: { click } })),
  );
}

// waiting draws rows that are to come, so that the page stands still when they do.
export function waiting(rows, className) {
  return make("div", { class: "waiting " + className, "aria-hidden": "true" }, ...Array.from({ length: rows }, () => make("i")));
}

// trouble is what stands in the way, in words.
export function trouble(problem, again) {
  const titles = { unreachable: "The server does not answer", forbidden: "This token may not see that", not_found: "There is no such call", login: "Sign in again" };
  const title = titles[problem.code] ?? "That did not work";
  const help = problem.code === "unreachable" ? "Is it running, and is your network there? It is asked again as soon as the network is back." : problem.message;
  return instead("alert", title, help, again && ["Try again", again]);
}
