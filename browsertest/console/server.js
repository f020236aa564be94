// The server as an operator runs it: `callagent run` with a Caddyfile.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../scripts/freeport.mjs";

const binary = new URL("../../bin/callagent", import.meta.url).pathname;

// hashed is a password as a Caddyfile holds it.
export const hashed = (password) => spawnSync(binary, ["hash-password", "--plaintext", password, "--bcrypt-cost", "5"], { encoding: "utf8" }).stdout.trim();

// Server is a running one. before are lines of its site's block; env is added to its environment.
export class Server {
  static async start(before, env) {
    const server = new Server();
    server.base = "http://localhost:" + (await freePort("localhost"));
    server.dir = await mkdtemp(join(tmpdir(), "callagent-run-"));
    const file = join(server.dir, "Caddyfile");
    await writeFile(file, `{\n\tadmin off\n}\n${server.base} {\n${before}\n\tcall_agent {\n\t\tdata_dir ${server.dir}/state\n\t\tstream {\n\t\t\tsecret {env.STREAM_SECRET}\n\t\t}\n\t}\n}\n`);
    server.process = spawn(binary, ["run", "--config", file], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, STREAM_SECRET: "s".repeat(32), CALLAGENT_OPENAI_API_KEY: "none", CALLAGENT_DEFAULTS_TIMEZONE: "Europe/Berlin", XDG_DATA_HOME: server.dir, XDG_CONFIG_HOME: server.dir, ...env },
    });
    server.exit = once(server.process, "exit");
    let said = "";
    server.process.stderr.on("data", (chunk) => (said += chunk));
    for (let i = 0; ; i++) {
      const alive = await fetch(server.base + "/healthz").catch(() => undefined);
      if (alive?.ok) return server;
      if (i > 2400 || server.process.exitCode !== null) throw new Error("callagent run does not answer: " + said);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  async close() {
    this.process.kill("SIGTERM");
    await this.exit;
    await rm(this.dir, { recursive: true, force: true });
  }
}
