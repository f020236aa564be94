// <call-words>: what was said and done, in order, each at its time.

import { make, icon, their } from "./dom.js";
import { isBad, note, picture, sentence } from "./entry.js";
import { slow } from "./draw.js";
import { length } from "./words.js";

const speakers = { agent: "Assistant", callee: "Callee" };

class CallWords extends HTMLElement {
  connectedCallback() {
    if (this.list) return;
    this.list = make("ol");
    this.append(this.list);
    this.rows = new Map(); // by entry
    this.addEventListener("click", (e) => this.clicked(e));
    for (const kind of ["wheel", "touchmove", "keydown"]) this.addEventListener(kind, () => (this.touched = Date.now()), { passive: true });
  }

  // show draws a conversation from its beginning. Of a live one, what comes is read aloud.
  show(conversation, { live = false } = {}) {
    this.setAttribute("role", live ? "log" : "group");
    this.setAttribute("aria-labelledby", "wordstitle");
    if (this.conversation !== conversation) {
      this.list.replaceChildren();
      this.rows.clear();
      this.current = undefined;
      this.conversation = conversation;
    }
    for (const entry of conversation?.entries ?? []) this.rows.has(entry) || this.update(entry, false);
  }

  // update draws an entry that is new, or was added to.
  update(entry, keepEnd = true) {
    const end = keepEnd && this.scrollHeight - this.scrollTop - this.clientHeight < 80;
    const row = entry.kind === "speech" ? speech(entry) : event(entry);
    const known = this.rows.get(entry);
    row.entry = entry;
    if (known) {
      row.classList.toggle("current", known.classList.contains("current"));
      if (known.querySelector("details")?.open) row.querySelector("details").open = true;
      entry.moved ? (known.remove(), this.place(row, entry)) : known.replaceWith(row);
    } else this.place(row, entry);
    entry.moved = false;
    this.rows.set(entry, row);
    if (end) this.scrollTop = this.scrollHeight;
  }

  place(row, entry) {
    const { entries } = this.conversation;
    const at = entries.indexOf(entry);
    for (let i = at + 1; i < entries.length; i++) {
      const after = this.rows.get(entries[i]);
      if (after) return after.before(row);
    }
    this.list.append(row);
  }

  // cursor marks what is said at a moment. go brings it into sight, unless somebody has
  // just scrolled here.
  cursor(ms, { go = false, sure = false } = {}) {
    const entry = this.conversation?.entryAt(ms);
    const row = this.rows.get(entry);
    if (row !== this.current) {
      this.current?.classList.remove("current");
      this.current?.removeAttribute("aria-current");
      row?.classList.add("current");
      row?.setAttribute("aria-current", "true");
      this.current = row;
    } else if (!sure) return;
    if (row && go && (sure || Date.now() - (this.touched ?? 0) > 4000)) this.reveal(row);
  }

  // reveal scrolls this list, never the page.
  reveal(row) {
    const top = row.offsetTop, bottom = top + row.offsetHeight;
    if (top >= this.scrollTop + 8 && bottom <= this.scrollTop + this.clientHeight - 8) return;
    this.scrollTop = top - this.clientHeight / 3;
  }

  // focusOn goes to the words that prove something.
  focusOn(entry) {
    const row = this.rows.get(entry);
    if (!row) return;
    this.reveal(row);
    row.querySelector("button").focus({ preventScroll: true });
    row.classList.remove("shown");
    void row.offsetWidth; // the same words may be pointed at again
    row.classList.add("shown");
  }

  clicked(e) {
    const row = e.target.closest("li");
    if (!row || e.target.closest("summary, pre") || String(getSelection())) return;
    this.dispatchEvent(new CustomEvent("seek", { detail: row.entry.at, bubbles: true }));
  }
}

const at = (entry) => make("button", { class: "at", type: "button", "aria-label": `Go to ${length(entry.at)}`, text: length(entry.at) });

function speech(entry) {
  const small = note(entry);
  return make("li", { class: `${entry.speaker}${entry.cutAfter !== undefined ? " cut" : ""}` },
    at(entry),
    make("div", { class: "said" },
      make("p", { class: "speaker" }, speakers[entry.speaker], small && make("small", { class: entry.latency > slow ? "slow" : "", text: small })),
      their(entry.text || "…", "p", { class: "text" }),
    ));
}

function event(entry) {
  const text = sentence(entry);
  return make("li", { class: "event" + (isBad(entry) ? " bad" : "") }, at(entry), entry.kind === "tool" ? used(entry, text) : make("p", {}, icon(picture(entry)), text));
}

// used is a tool with what it was asked and what it answered, as the model saw them.
function used(entry, text) {
  return make("details", {},
    make("summary", {}, icon(picture(entry)), text),
    make("dl", {}, make("dt", { text: "Arguments" }), make("dd", {}, json(entry.args)), make("dt", { text: "Answer" }), make("dd", {}, json(entry.answer))),
  );
}

function json(data) {
  if (data === undefined) return make("span", { class: "quiet", text: "not kept" });
  return make("pre", { tabindex: "0", dir: "ltr", text: typeof data === "string" ? data : JSON.stringify(data, null, 1) });
}

customElements.define("call-words", CallWords);
