// Debian's Chromium as the tests start it.

import { chromium } from "playwright-core";

const flags = [
  "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--autoplay-policy=user-gesture-required", // as for a person: only a click may start sound
];

// launch starts a browser with an empty profile, which ends with it. microphone is the WAV
// file that is spoken into it, once, from the moment that a page listens; without one
// nobody has allowed a microphone.
export function launch({ microphone, args = [] } = {}) {
  const fake = microphone ? ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${microphone}%noloop`] : [];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, chromiumSandbox: false, args: [...flags, ...fake, ...args] });
}

// open gives a fresh page whose complaints are kept: what the browser logs as an error,
// what its policy refuses, and every request to another host.
export async function open(context, options = {}) {
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && page.complaints.push(m.text()));
  page.on("pageerror", (e) => page.complaints.push(String(e.stack ?? e)));
  page.on("request", (r) => {
    const { protocol, hostname } = new URL(r.url());
    if (/^(http|ws)s?:$/.test(protocol) && !["localhost", options.host].includes(hostname)) page.complaints.push("asked for " + r.url());
  });
  await page.setViewportSize(options.size ?? { width: 1280, height: 800 });
  if (options.look) await page.emulateMedia(options.look);
  return page;
}
