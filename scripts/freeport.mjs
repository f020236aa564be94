// A port for a server that has to be told its address before it starts.
import { once } from "node:events";
import { createServer } from "node:net";

// freePort is a port of the host that was free a moment ago, and none that outgoing connections
// come from (Linux gives them those from 32768 on): one of these would soon have it.
export async function freePort(host) {
  for (let tries = 0; tries < 50; tries++) {
    const port = 10_000 + Math.floor(22_000 * Math.random());
    const server = createServer().listen(port, host);
    try {
      await once(server, "listening");
    } catch {
      continue; // somebody has it
    }
    server.close();
    await once(server, "close");
    return port;
  }
  throw new Error("there is no free port");
}
