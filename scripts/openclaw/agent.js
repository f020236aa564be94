// The call agent itself: the finished binary with a simulated phone company, callee and
// model (`callagent try --callee`).
import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithUs } from "./gateway.js";

export async function callAgent({ binary, home, port, token, hooksUrl, hooksToken }) {
  mkdirSync(home, { recursive: true });
  const log = createWriteStream(join(home, "callagent.log"));
  const child = spawn(binary, ["try", "--callee", "--listen", `127.0.0.1:${port}`, "--out", home], {
    env: { PATH: process.env.PATH, HOME: home, TZ: "America/Los_Angeles", CALLAGENT_TOOLS_TOKENS: token, CALLAGENT_NOTIFY_HOOKS_URL: hooksUrl, CALLAGENT_NOTIFY_HOOKS_TOKEN: hooksToken },
    stdio: ["ignore", "pipe", "pipe"],
  });
  endWithUs(child);
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const ended = once(child, "exit");
  const base = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    if (child.exitCode !== null || tries > 900) throw new Error(`the call agent does not answer: ${readFileSync(join(home, "callagent.log"), "utf8")}`);
    if (await fetch(`${base}/readyz`).then((r) => r.ok, () => false)) break;
    await sleep(100);
  }
  return {
    base,
    calendar: () => readFileSync(join(home, "calendar", "primary.ics"), "utf8"),
    async tool(name, args) {
      const response = await fetch(`${base}/tools/${name}`, { method: "POST", headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, body: JSON.stringify(args) });
      return response.json();
    },
    async stop() {
      if (child.exitCode === null) child.kill("SIGTERM");
      await ended;
      log.end();
    },
  };
}
