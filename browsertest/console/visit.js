// A visit to the console: a page of its own, signed in, at a moment when all the calls of
// the tests make sense.

import assert from "node:assert/strict";
import { open } from "../chromium.js";
import { now } from "./calls.js";

// A context in which days and words are the same on every machine.
const place = { locale: "en-GB", timezoneId: "Europe/London" };

// inPlace gives a context whose clock stands: timers run, and the time of day does not.
export async function inPlace(browser) {
  const context = await browser.newContext(place);
  await context.clock.setFixedTime(new Date(now));
  return context;
}

// visit opens a page at a fragment. token: null signs nobody in.
export async function visit(context, stub, fragment = "", { token = "good", ready = true, ...options } = {}) {
  const page = await open(context, options);
  await page.addInitScript(insidePage, token);
  await page.goto(stub.base + "/console" + fragment);
  if (ready && token) await page.waitForSelector(fragment.includes("call=") ? ".facts .card" : ".rows a, .state");
  return page;
}

function insidePage(token) {
  if (location.protocol === "http:" && token && !sessionStorage.getItem("signed in")) { // once: what the page itself does with it later is its own
    sessionStorage.setItem("signed in", "yes");
    sessionStorage.setItem("call-agent-token", token);
  }
  globalThis.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shifts += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
}

export const text = (page, selector) => page.locator(selector).first().innerText();
export const has = (page, selector, words) => page.locator(selector, { hasText: words }).first().waitFor({ timeout: 30_000 });
export const rows = (page) => page.$$eval(".rows a", (all) => all.map((a) => a.innerText.replace(/\s*\n\s*/g, " ")));

// quiet fails on what the browser complained of. expected are statuses that the test asked
// for: the browser itself logs every failed request.
export function quiet(page, ...expected) {
  const left = page.complaints.filter((c) => !expected.some((status) => c.includes(`status of ${status}`) || (status === "network" && /ERR_|Failed to load resource: net/.test(c))));
  assert.deepEqual(left, []);
}

// until waits for something that is not the page's.
export async function until(what, ms = 30_000) {
  for (let i = 0; i < ms / 20; i++) {
    if (await what()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail("waited in vain for " + what);
}
