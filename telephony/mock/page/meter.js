// <level-meter>: how loud one direction of the call is.

// floor is what counts as nothing, in decibels below the loudest.
const floor = -50;

// loudness turns a peak in 0..1 into a share of the meter, as the ear would.
export function loudness(peak) {
  if (!(peak > 0)) return 0;
  return Math.max(0, Math.min(1, 1 - (20 * Math.log10(peak)) / floor));
}

class LevelMeter extends HTMLElement {
  connectedCallback() {
    this.level = 0;
    this.bar = this.querySelector("i");
  }

  // rest shows that there is nothing to hear any more.
  rest() {
    this.level = 0;
    this.show(0);
  }

  // show follows loud sounds at once and lets go of them slowly.
  show(peak) {
    const level = loudness(peak);
    this.level = level > this.level ? level : 0.85 * this.level + 0.15 * level;
    this.bar.style.setProperty("--level", this.level.toFixed(3)); // allowed by the policy, which forbids style attributes
    const percent = String(Math.round(20 * this.level) * 5);
    if (this.ariaValueNow !== percent) this.ariaValueNow = percent;
  }
}

customElements.define("level-meter", LevelMeter);
