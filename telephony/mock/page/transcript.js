// <call-transcript>: who said what, as it is spoken.

const speakers = { agent: "Assistant", callee: "You" };

// words cuts text where a word ends, in any language that the browser can cut.
const words = globalThis.Intl?.Segmenter && new Intl.Segmenter(undefined, { granularity: "word" });

// spokenLength is how much of text has been said when a share of its sound has been
// heard, in whole words.
export function spokenLength(text, share) {
  if (share >= 1) return text.length;
  const reached = text.length * Math.max(0, share);
  if (reached === 0) return 0;
  if (!words) return text.length;
  const { index, segment } = words.segment(text).containing(Math.floor(reached));
  return index + segment.length;
}

function make(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text; // never markup: these are other people's words
  return made;
}

// Turn is one thing said. Its words may come before, while or after it is heard.
class Turn {
  constructor(speaker) {
    this.row = make("li", speaker);
    this.row.append(make("span", "who", speakers[speaker]));
    this.wave = make("span", "wave");
    this.wave.ariaHidden = "true";
    this.wave.append(make("i", ""), make("i", ""), make("i", ""));
    this.row.append(this.wave);
    this.text = "";
    this.share = speaker === "callee" ? 1 : 0;
    this.cut = false;
  }

  // say may be called again: words of a connection that broke come in part.
  say(text) {
    this.text = text;
    if (this.said) return this.show();
    this.wave.remove();
    this.said = make("span", "said");
    this.rest = make("span", "rest");
    const line = make("p", "");
    line.dir = "auto"; // Arabic and Hebrew run their own way
    line.append(this.said, this.rest);
    this.show();
    this.row.append(line);
  }

  // heard is told what share of the sound has been played.
  heard(share) {
    if (this.cut || share <= this.share) return;
    this.share = share;
    this.show();
  }

  // interrupt: no more of it will be heard.
  interrupt() {
    if (this.cut || this.share >= 1) return;
    this.cut = true;
    this.wave.remove();
    this.show();
  }

  show() {
    if (!this.said) return;
    const length = spokenLength(this.text, this.share);
    this.said.textContent = this.text.slice(0, length);
    this.rest.textContent = this.text.slice(length);
    if (!this.cut || !this.rest.textContent || this.note) return;
    this.row.classList.add("cut");
    this.note = make("span", "note", "interrupted");
    this.row.append(this.note);
  }
}

class CallTranscript extends HTMLElement {
  connectedCallback() {
    this.list = this.querySelector("ol");
    this.turns = new Map(); // by item
    this.open = undefined; // the callee's turn whose words are not known yet
  }

  // began: somebody began to speak.
  began(speaker, item) {
    if (speaker === "callee") {
      this.open ??= this.add(new Turn("callee"));
      return this.open;
    }
    if (!this.turns.has(item)) this.turns.set(item, this.add(new Turn("agent")));
    return this.turns.get(item);
  }

  // says gives an item its words.
  says(speaker, item, text) {
    const turn = this.began(speaker, item);
    if (speaker === "callee") {
      this.open = undefined;
      this.turns.set(item, turn);
    }
    const end = this.atEnd();
    turn.say(text);
    if (end) this.scrollTop = this.scrollHeight;
  }

  heard(item, share) {
    this.began("agent", item).heard(share);
  }

  // interrupted: the phone forgot what it had not played of the assistant's item.
  interrupted(item) {
    this.began("agent", item).interrupt();
  }

  // note adds what happened beside what was said.
  note(text, className = "event") {
    this.place(make("li", className, text));
  }

  // end drops turns whose words never came.
  end() {
    for (const turn of this.turns.values()) turn.interrupt();
    for (const turn of [this.open, ...this.turns.values()]) {
      if (turn && !turn.said) turn.row.remove();
    }
    this.open = undefined;
  }

  add(turn) {
    this.place(turn.row);
    return turn;
  }

  place(row) {
    const end = this.atEnd();
    this.querySelector(".empty").hidden = true;
    this.list.append(row);
    if (end) this.scrollTop = this.scrollHeight;
  }

  // atEnd says whether the newest words are in sight: they are kept there, unless
  // somebody reads above them.
  atEnd() {
    return this.scrollHeight - this.scrollTop - this.clientHeight < 96;
  }
}

customElements.define("call-transcript", CallTranscript);
