// Elements, made without markup: what others wrote is only ever text.

// make makes an element. Of given, class and text are what they say, on listens, and the
// rest are attributes; false and undefined are left out.
export function make(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name === "on") for (const [event, heard] of Object.entries(value)) made.addEventListener(event, heard);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== false && child !== ""));
  return made;
}

// their makes an element of other people's words, which keep their direction to themselves.
export const their = (text, tag = "bdi", given = {}) => make(tag, { dir: "auto", ...given, text });

const paths = {
  play: "M8 5.5v13l10.5-6.5z", pause: "M7.5 5.5h3.4v13H7.500zM13.2 5.500h3.400v13h-3.400z",
  find: "M10.5 4.500a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l4.5 4.5", calendar: "M5 6.500h14v12.500H5zM5 10.500h14M8.5 4v4M15.5 4v4",
  cut: "M6 6l12 12M18 6L6 18", phone: "M7.5 5l2.2-.7 2 4.2-1.7 1.400c.8 1.7 1.7 2.6 3.4 3.400l1.4-1.7 4.2 2-.7 2.200c-.4 1.1-1.5 1.7-2.6 1.500C10.4 16.7 6.6 12.9 6 7.6 5.9 6.4 6.5 5.3 7.5 5z",
  note: "M12 7v6M12 16.500v.5M12 3.500a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z", check: "M5.5 12.500l4.5 4.500L18.5 7.5", wave: "M5 10v4M9 7v10M13 9.500v5M17 5.500v13M21 10v4",
  alert: "M12 5v9M12 18v.5", in: "M12 6v12M6 12h12", out: "M6 12h12", fit: "M4.5 9V5H9M15 5h4.500v4M19.5 15v4H15M9 19H4.500v-4", key: "M8 4h8v16H8zM11 17h2",
};
const filled = new Set(["play", "pause", "phone"]);

// icon is a picture beside words, which say the same.
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", filled.has(name) ? "icon filled" : "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", paths[name]);
  svg.append(path);
  return svg;
}

// view fills an element from a template of the page, once.
export function view(element, template) {
  if (!element.childElementCount) element.append(document.getElementById(template).content.cloneNode(true));
  return (selector) => element.querySelector(selector);
}

// announce tells those who do not see the page.
export function announce(text) {
  document.getElementById("announce").textContent = text;
}
