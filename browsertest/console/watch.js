// Somebody who watches a real call in the console, while another test holds it.

import assert from "node:assert/strict";
import { open } from "../chromium.js";
import { accessible, out } from "../look.js";
import { has, quiet } from "./visit.js";

// watch opens the console on a call that is under way, and signs in.
export async function watch(context, agent, callId) {
  const page = await open(context);
  await page.goto(`${agent.base}/console#call=${callId}`);
  await page.fill("#token", agent.token);
  await page.keyboard.press("Enter");
  await has(page, ".pills", "On the phone");
  // What it shows is looked at as it changes: afterwards nobody knows when it stood there.
  await page.evaluate(() => {
    globalThis.seen = { words: 0, loud: 0, live: 0 };
    new MutationObserver(() => {
      if (!document.querySelector(".pill.live")) return;
      const words = document.querySelectorAll("call-words li:is(.agent, .callee)").length;
      const loud = Math.max(...[...document.querySelectorAll("live-meters [role=meter]")].map((meter) => Number(meter.ariaValueNow)));
      Object.assign(globalThis.seen, { words: Math.max(words, globalThis.seen.words), loud: Math.max(loud, globalThis.seen.loud), live: globalThis.seen.live + 1 });
    }).observe(document.querySelector("call-page"), { subtree: true, childList: true, attributes: true });
  });
  return { over: (said) => over(page, said) };
}

// over checks what was shown live, and what is there afterwards. said is what the phone was told.
async function over(page, said) {
  await has(page, ".pills", "Booked");
  const live = await page.evaluate(() => globalThis.seen);
  assert.ok(live.words >= said.length / 2 && live.loud > 10, `live it showed ${JSON.stringify(live)} of ${said.length} turns`);
  for (const speaker of ["agent", "callee"]) {
    const texts = said.filter((m) => m.speaker === speaker).map((m) => m.text);
    await page.waitForFunction(([speaker, n]) => document.querySelectorAll(`call-words li.${speaker}`).length >= n, [speaker, texts.length]);
    const shown = await page.$$eval(`call-words li.${speaker} .text`, (all) => all.map((p) => p.textContent));
    assert.deepEqual(texts.filter((text) => !shown.includes(text)), [], "the console lacks words");
  }
  await has(page, ".fact.event .hours", "–");
  await has(page, ".fact.cost", "Voice model");
  await has(page, "call-words summary", "Booked in the calendar");
  await page.locator(".play:enabled").waitFor({ timeout: 30_000 });
  await page.click(".play");
  await page.waitForFunction(() => Number(document.querySelector("[role=slider]").getAttribute("aria-valuenow")) >= 1, null, { timeout: 30_000 });
  await page.click(".play");
  const recording = await page.locator(".says").innerText();
  assert.equal(recording, "", "the recording is whole");
  await accessible(page, "a real call");
  await page.screenshot({ path: out + "console-real-call.png", fullPage: true });
  quiet(page, 401);
  const clock = await page.locator(".clock").innerText();
  await page.close();
  return `the console showed ${live.words} turns of ${said.length} while they were spoken; recording at ${clock}`;
}
