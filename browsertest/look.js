// How a page looks and behaves to those who see it and those who do not.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

export const out = new URL("../out/browser/", import.meta.url).pathname;
export const sizes = { desk: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } };
export const looks = Object.entries(sizes).flatMap(([size, viewport]) => ["light", "dark"].map((colorScheme) => ({ name: `${size}-${colorScheme}`, size, viewport, colorScheme })));

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// still waits until nothing fades or moves any more, but for what always does.
export const still = (page) => page.evaluate(() => Promise.all(document.getAnimations().filter((a) => a.effect.getTiming().iterations !== Infinity).map((a) => a.finished.catch(() => {}))).then(() => {}));

// accessible fails on what axe finds. It is put in by the test's own channel, which the
// page's policy does not concern; the policy stays in force for the page.
export async function accessible(page, where) {
  if (!(await page.evaluate(() => Boolean(globalThis.axe)))) await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(violations.map((v) => `${where}: ${v.id}: ${v.nodes.map((n) => n.target).join(" ")}`), []);
}

// pictures writes screenshots of out/browser into a folder, small, for the README:
// IMAGES=docs/images make test-browser.
export async function pictures(context, folder, names) {
  const page = await context.newPage();
  for (const name of names) {
    const webp = await page.evaluate(async (png) => {
      const image = await createImageBitmap(await (await fetch("data:image/png;base64," + png)).blob());
      const canvas = new OffscreenCanvas(image.width, image.height);
      canvas.getContext("2d").drawImage(image, 0, 0);
      const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/webp", quality: 0.9 })).arrayBuffer());
      return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));
    }, readFileSync(`${out}${name}.png`, "base64"));
    writeFileSync(new URL(`../${folder}/${name}.webp`, import.meta.url), Buffer.from(webp, "base64"));
  }
  await page.close();
}

// firstPaint is when something was first seen of an address, in milliseconds: the median of five.
export async function firstPaint(page, url) {
  const times = [];
  for (let i = 0; i < 5; i++) {
    await page.goto("about:blank");
    await page.goto(url);
    times.push(await page.evaluate(() => new Promise((resolve) => new PerformanceObserver((list) => resolve(list.getEntriesByName("first-contentful-paint")[0]?.startTime)).observe({ type: "paint", buffered: true }))));
  }
  return times.sort((a, b) => a - b)[2];
}
