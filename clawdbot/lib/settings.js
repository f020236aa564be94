// What the owner configured, at plugins.entries.call-agent.config.

const where = "plugins.entries.call-agent.config";
const usualTimeout = 30;

// settingsOf reads the configuration. It never throws: a host loads a plugin that is not
// configured yet, and its tools then say what is missing (problem).
export function settingsOf(config) {
  const c = config !== null && typeof config === "object" ? config : {};
  const seconds = Number.isFinite(c.timeoutSeconds) && c.timeoutSeconds > 0 ? c.timeoutSeconds : usualTimeout;
  const settings = { base: "", token: text(c.token), timeoutMs: seconds * 1000, defaults: c.defaults ?? {}, problem: "" };
  const url = text(c.url) || text(c.baseUrl);
  const missing = [url ? "" : "url", settings.token ? "" : "token"].filter(Boolean);
  if (missing.length > 0) {
    settings.problem = `${missing.map((key) => `${where}.${key}`).join(" and ")} ${missing.length > 1 ? "are" : "is"} not set`;
  } else if (!headerSafe(settings.token)) {
    settings.problem = `${where}.token holds a character that no token has`;
  } else {
    settings.base = baseOf(url);
    if (!settings.base) settings.problem = `${where}.url must be an http or https address, such as https://calls.example.com`;
  }
  return settings;
}

// baseOf is the address below which /tools lies. People also paste the address of the
// tools, or of one tool.
function baseOf(url) {
  let u;
  try {
    u = new URL(url);
  } catch {
    return "";
  }
  if ((u.protocol !== "https:" && u.protocol !== "http:") || u.username || u.password) return "";
  return u.origin + u.pathname.replace(/\/+$/, "").replace(/\/tools(\/call_agent(_status|_cancel)?)?$/, "");
}

function text(value) {
  return typeof value === "string" ? value.trim() : "";
}

function headerSafe(token) {
  return /^[\x21-\x7e]+$/.test(token);
}
