// A proxy that stands before a real server and, when told to, answers in its place.
import { createServer, request as forward } from "node:http";
import { once } from "node:events";
import { freePort } from "../freeport.mjs";

// front passes on to target what no play answers. Every request is kept, with the status
// that it was answered with.
export async function front(target) {
  const passed = [];
  let play;
  const server = createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const kept = { path: req.url, headers: { ...req.headers }, body: body.toString() };
    passed.push(kept);
    const answer = play?.(kept) ?? {};
    if (answer.hold) return;
    if (answer.status) {
      kept.status = answer.status;
      res.writeHead(answer.status, { "content-type": answer.type ?? "application/json", ...answer.headers });
      res.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body ?? {}));
      return;
    }
    const url = new URL(req.url, target);
    const onward = forward(url, { method: req.method, headers: { ...req.headers, host: url.host, ...answer.forward } }, (back) => {
      kept.status = back.statusCode;
      res.writeHead(back.statusCode, back.headers);
      back.pipe(res);
    });
    onward.on("error", () => res.destroy());
    onward.end(body);
  });
  const listen = async (port) => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  const port = await freePort("127.0.0.1"); // which it has to get again after down
  await listen(port);
  return {
    url: `http://127.0.0.1:${port}`,
    passed,
    // during lets play(request) answer while what is asked for goes on: {status, body, …}
    // answers, {hold:true} never does, {forward:{…}} passes on with other headers.
    async during(answering, what) {
      play = answering;
      try {
        return await what();
      } finally {
        play = undefined;
      }
    },
    async close() {
      server.closeAllConnections();
      if (server.listening) server.close();
    },
    async down(what) {
      server.closeAllConnections();
      server.close();
      try {
        return await what();
      } finally {
        await listen(port);
      }
    },
  };
}
