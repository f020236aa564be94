// A language model's server, as far as OpenClaw asks one: chat completions, streamed. What
// it says is decided by answer(messages, tools); every request is kept as it came.
import { createServer } from "node:http";
import { once } from "node:events";

// providers is the host's configuration of this one model, at url.
export const providers = (url) => ({
  stub: {
    baseUrl: url,
    apiKey: "none",
    api: "openai-completions",
    models: [{ id: "stub", name: "Stub", contextWindow: 200_000, maxTokens: 4096, input: ["text"], reasoning: false, cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 } }],
  },
});

export async function model(answer) {
  const requests = [];
  const server = createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    if (!req.url.endsWith("/chat/completions")) {
      res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ object: "list", data: [{ id: "stub", object: "model" }] }));
      return;
    }
    const request = JSON.parse(Buffer.concat(chunks).toString());
    requests.push(request);
    const said = answer(request.messages, (request.tools ?? []).map((tool) => tool.function.name), requests.length);
    write(res, request, said, requests.length);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    requests,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

// write sends {text} or {tool, args}, in the stream's shape or as one document.
function write(res, request, said, number) {
  const message = said.tool
    ? { role: "assistant", content: null, tool_calls: [{ index: 0, id: `call_${number}`, type: "function", function: { name: said.tool, arguments: JSON.stringify(said.args) } }] }
    : { role: "assistant", content: said.text };
  const finish = said.tool ? "tool_calls" : "stop";
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  const head = { id: `chatcmpl-${number}`, created: Math.floor(Date.now() / 1000), model: request.model };
  if (!request.stream) {
    res.writeHead(200, { "content-type": "application/json" });
    res.end(JSON.stringify({ ...head, object: "chat.completion", choices: [{ index: 0, message, finish_reason: finish }], usage }));
    return;
  }
  res.writeHead(200, { "content-type": "text/event-stream" });
  const event = (choices, more) => res.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices, ...more })}\n\n`);
  event([{ index: 0, delta: message, finish_reason: null }]);
  event([{ index: 0, delta: {}, finish_reason: finish }]);
  event([], { usage });
  res.end("data: [DONE]\n\n");
}
