// <call-keypad>: the keys of a telephone. It fires "digit" with the key pressed.

const keys = [
  ["1", ""], ["2", "ABC"], ["3", "DEF"], ["4", "GHI"], ["5", "JKL"], ["6", "MNO"],
  ["7", "PQRS"], ["8", "TUV"], ["9", "WXYZ"], ["*", ""], ["0", "+"], ["#", ""],
];
const names = { "*": "star", "#": "hash" };

class CallKeypad extends HTMLElement {
  connectedCallback() {
    this.shown = this.querySelector("output");
    const grid = this.querySelector("div");
    for (const [key, letters] of keys) grid.append(this.button(key, letters));
    this.addEventListener("keydown", (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey || !keys.some(([key]) => key === e.key)) return;
      e.preventDefault();
      this.press(e.key);
    });
  }

  button(key, letters) {
    const button = document.createElement("button");
    button.type = "button";
    if (names[key]) button.ariaLabel = names[key];
    button.textContent = key + " ";
    const small = document.createElement("small");
    small.textContent = letters;
    button.append(small);
    button.addEventListener("click", () => this.press(key));
    return button;
  }

  press(key) {
    this.shown.textContent = (this.shown.textContent + key).slice(-12);
    this.dispatchEvent(new CustomEvent("digit", { detail: key }));
  }
}

customElements.define("call-keypad", CallKeypad);
