// A real OpenClaw gateway on loopback, with a home, state and configuration of its own.
import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

// environment keeps the host's own accounts, settings and updates out.
export function environment(home, name = "OPENCLAW") {
  return {
    PATH: process.env.PATH,
    HOME: home,
    TMPDIR: process.env.TMPDIR ?? "/tmp",
    TZ: "UTC",
    [`${name}_STATE_DIR`]: join(home, "state"),
    [`${name}_CONFIG_PATH`]: join(home, "config.json"),
    [`${name}_DISABLE_BONJOUR`]: "1",
    [`${name}_NO_RESPAWN`]: "1",
    [`${name}_EXEC_SHELL_SNAPSHOT`]: "0",
  };
}

// endWithUs ends a child with this process, however that ends, so that no gateway is left.
export function endWithUs(child) {
  process.once("exit", () => child.kill("SIGKILL"));
  for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => process.exit(1));
}

// start writes the configuration, starts the gateway and waits until ready(base) holds.
export async function start({ command, home, config, env, port, ready, patience = 240_000 }) {
  mkdirSync(join(home, "state"), { recursive: true });
  writeFileSync(join(home, "config.json"), JSON.stringify(config, null, 2), { mode: 0o600 });
  const log = createWriteStream(join(home, "gateway.log"));
  const child = spawn(command[0], [...command.slice(1), "gateway", "--verbose"], { cwd: home, env, stdio: ["ignore", "pipe", "pipe"] });
  endWithUs(child);
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const ended = once(child, "exit");
  const base = `http://127.0.0.1:${port}`;
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    const killer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(killer);
    log.end();
  };
  const began = Date.now();
  while (Date.now() - began < patience) {
    if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}; see ${join(home, "gateway.log")}`);
    if (await ready(base).catch(() => false)) return { base, stop, readyAfter: Date.now() - began };
    await sleep(250);
  }
  await stop();
  throw new Error(`the gateway was not ready after ${patience} ms; see ${join(home, "gateway.log")}`);
}

// invoke asks the gateway for a tool, without any model.
export async function invoke(base, token, tool, args, more = {}) {
  const response = await fetch(`${base}/tools/invoke`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...more.headers },
    body: JSON.stringify({ tool, args, ...more.body }),
  });
  return { status: response.status, body: await response.json() };
}
