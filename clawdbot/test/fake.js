// A call agent that answers what a test tells it to, on loopback.
import { createServer } from "node:http";
import { once } from "node:events";
import plugin from "../index.js";

// serve answers each request by answer(request), where request is {path, headers, body};
// what it returns is {status, type, body, headers, never, cut}. It keeps every request.
export async function serve(t, answer) {
  const requests = [];
  const server = createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const request = { method: req.method, path: req.url, headers: req.headers, body: Buffer.concat(chunks).toString() };
    requests.push(request);
    const a = await answer(request, requests.length);
    if (a.never) return;
    if (a.cut) return void req.socket.destroy();
    res.writeHead(a.status ?? 200, { "content-type": a.type ?? "application/json", ...a.headers });
    res.end(typeof a.body === "string" ? a.body : JSON.stringify(a.body ?? { ok: true }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, requests };
}

// load registers the plugin as a host does, and returns its tools by name, made for context.
export function load(config, context = {}) {
  const tools = {};
  const warnings = [];
  const answer = plugin.register({
    pluginConfig: config,
    logger: { warn: (line) => warnings.push(line) },
    registerTool: (factory, options) => {
      tools[options.name] = factory(context);
    },
  });
  return { tools, warnings, answer };
}

// say invokes a tool and returns its words and details.
export async function say(tool, args, signal) {
  const { content, details } = await tool.execute("tool_call:1", args, signal);
  return { words: content.map((part) => part.text).join("\n"), details };
}

export const token = "test-token-0123456789";
export const request = { to: "+14155550123", goal: "Book a check-up.", durationMinutes: 30 };
