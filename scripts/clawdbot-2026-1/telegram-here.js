// clawdbot 2026.1 cannot be told another address of Telegram. It uses the global fetch, so
// that this, preloaded, leads it to the stub; nothing else is changed.
const stub = process.env.TELEGRAM_STUB;
const plain = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const url = String(input?.url ?? input);
  return url.startsWith("https://api.telegram.org/") ? plain(url.replace("https://api.telegram.org", stub), init) : plain(input, init);
};
