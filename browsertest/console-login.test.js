// The password before the console, as docs/console.md writes it, in the server itself.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { launch, open } from "./chromium.js";
import { hashed, Server } from "./console/server.js";
import { has, quiet } from "./console/visit.js";

const [, lines] = /```caddyfile\n(.*?)```/s.exec(readFileSync(new URL("../docs/console.md", import.meta.url), "utf8"));
const token = randomBytes(32).toString("hex");

let server, browser;
before(async () => {
  const tokens = JSON.stringify([randomBytes(16).toString("hex"), { name: "console", sha256: createHash("sha256").update(token).digest("hex"), scopes: ["read", "cancel", "delete"] }]);
  server = await Server.start(lines, { CALLAGENT_TOOLS_TOKENS: tokens, CONSOLE_TOKEN: token, CONSOLE_PASSWORD: hashed("open sesame") });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

test("who has the password needs no token", async () => {
  const context = await browser.newContext({ httpCredentials: { username: "robin", password: "open sesame" } });
  const page = await open(context);
  await page.goto(server.base + "/console");
  await has(page, ".state", "No call yet");
  await has(page, "#line", "Live");
  assert.equal(await page.locator("#login").isVisible(), false);
  assert.equal(await page.locator("#forget").isVisible(), false, "there is nothing to sign out of");
  quiet(page, 401); // the browser's first request, before it knows that a password is wanted
  await context.close();
});

test("who has a token needs no password, and who has neither sees nothing", async () => {
  const ask = async (headers) => (await fetch(server.base + "/calls", { headers })).status;
  const basic = (password) => "Basic " + Buffer.from("robin:" + password).toString("base64");
  assert.equal(await ask({ Authorization: "Bearer " + token }), 200);
  assert.equal(await ask({ Authorization: basic("open sesame"), "Sec-Fetch-Site": "same-origin" }), 200);
  for (const headers of [
    {}, { Authorization: "Bearer wrong" }, { Authorization: basic("wrong"), "Sec-Fetch-Site": "same-origin" },
    { Authorization: basic("open sesame"), "Sec-Fetch-Site": "cross-site" }, // a page elsewhere, through the browser that knows the password
    { Authorization: basic("open sesame"), "Sec-Fetch-Site": "same-site" },
  ]) assert.equal(await ask(headers), 401, JSON.stringify(headers));
});
