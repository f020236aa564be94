// Telegram's Bot API, as far as a bot with one or two chats uses it: what is said to the
// bot is queued for getUpdates, what the bot says is kept.
import { createServer } from "node:http";
import { once } from "node:events";

export async function telegram() {
  const updates = [];
  const sent = [];
  let waiting = [];
  let id = 100;
  const server = createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const method = req.url.split("/").pop().split("?")[0];
    const params = paramsOf(req, Buffer.concat(chunks).toString());
    const result = await answer(method, params);
    res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ ok: true, result }));
  });

  async function answer(method, params) {
    switch (method) {
      case "getMe":
        return { id: 1, is_bot: true, first_name: "Assistant", username: "assistant_bot", can_join_groups: true, can_read_all_group_messages: false, supports_inline_queries: false };
      case "getUpdates":
        return poll(Number(params.offset ?? 0), Number(params.timeout ?? 0));
      case "sendMessage":
      case "editMessageText": {
        const message = { message_id: Number(params.message_id ?? ++id), chat: String(params.chat_id), text: String(params.text), at: Date.now() };
        sent.push(message);
        return { message_id: message.message_id, date: Math.floor(Date.now() / 1000), chat: { id: Number(params.chat_id), type: "private" }, text: message.text };
      }
      case "getMyCommands":
        return [];
      case "getWebhookInfo":
        return { url: "", has_custom_certificate: false, pending_update_count: 0 };
      default:
        return true;
    }
  }

  // poll answers at once where something was said, and otherwise holds the request, as
  // Telegram does.
  async function poll(offset, timeout) {
    while (updates.length > 0 && updates[0].update_id < offset) updates.shift();
    if (updates.length === 0 && timeout > 0) {
      await new Promise((go) => {
        const timer = setTimeout(go, Math.min(timeout, 20) * 1000);
        waiting.push(() => (clearTimeout(timer), go()));
      });
    }
    return updates.filter((u) => u.update_id >= offset);
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    sent,
    // say lets a person write to the bot.
    say(chat, text) {
      const person = { id: Number(chat), is_bot: false, first_name: `Person ${chat}` };
      updates.push({ update_id: ++id, message: { message_id: ++id, date: Math.floor(Date.now() / 1000), chat: { id: Number(chat), type: "private", first_name: person.first_name }, from: person, text } });
      for (const go of waiting.splice(0)) go();
    },
    close() {
      for (const go of waiting.splice(0)) go();
      server.closeAllConnections();
      server.close();
    },
  };
}

function paramsOf(req, body) {
  const query = Object.fromEntries(new URL(req.url, "http://localhost").searchParams);
  try {
    return { ...query, ...JSON.parse(body) };
  } catch {
    return { ...query, ...Object.fromEntries(new URLSearchParams(body)) };
  }
}
