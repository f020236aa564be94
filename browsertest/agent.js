// The server for a person, as `callagent try` runs it: the mock provider and the
// simulated model, over a calendar of its own.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../scripts/freeport.mjs";

const binary = new URL("../bin/callagent", import.meta.url).pathname;

// Agent is a running server. Close ends it and forgets what it wrote.
export class Agent {
  static async start() {
    const agent = new Agent();
    agent.base = "http://localhost:" + (await freePort("localhost"));
    agent.out = await mkdtemp(join(tmpdir(), "callagent-try-"));
    agent.process = spawn(binary, ["try", "--record", "--listen", new URL(agent.base).host, "--out", agent.out], { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, TZ: "Europe/Berlin" } });
    agent.exit = once(agent.process, "exit");
    let printed = "";
    agent.token = await new Promise((resolve, reject) => {
      agent.exit.then(([code]) => reject(new Error(`callagent try ended with ${code}: ${printed}`)));
      agent.process.stdout.on("data", (chunk) => {
        printed += chunk;
        const [, token] = /Bearer ([^']+)'/.exec(printed) ?? [];
        if (token) resolve(token);
      });
    });
    return agent;
  }

  async tool(name, body) {
    const response = await fetch(`${this.base}/tools/${name}`, {
      method: "POST", headers: { Authorization: "Bearer " + this.token, "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    return response.json();
  }

  // place rings the phone and gives the call's id and link. Each call goes to a number of its own.
  async place() {
    this.calls = (this.calls ?? 0) + 1;
    const answer = await this.tool("call_agent", { to: "+1415555" + String(100 + this.calls).padStart(4, "0"), goal: "Book a dental check-up", durationMinutes: 30 });
    if (!answer.ok) throw new Error(JSON.stringify(answer));
    return answer;
  }

  async call(callId) {
    return (await this.tool("call_agent_status", { callId })).call;
  }

  // over waits until a call has its outcome.
  async over(callId) {
    for (let i = 0; i < 600; i++) {
      const call = await this.call(callId);
      if (call.outcome !== "pending") return call;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("the call has no outcome");
  }

  log() {
    return readFile(join(this.out, "server.log"), "utf8");
  }

  async close() {
    this.process.kill("SIGTERM");
    await this.exit;
    await rm(this.out, { recursive: true, force: true });
  }
}
