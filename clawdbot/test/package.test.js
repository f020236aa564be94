import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { load, say } from "./fake.js";

const here = new URL("../", import.meta.url);
const read = (name) => readFileSync(new URL(name, here), "utf8");
const json = (name) => JSON.parse(read(name));
const openclaw = json("openclaw.plugin.json");
const clawdbot = json("clawdbot.plugin.json");
const pack = json("package.json");

test("one package has both hosts' manifests, under one name and version", () => {
  for (const manifest of [openclaw, clawdbot]) {
    assert.equal(manifest.id, "call-agent");
    assert.equal(manifest.version, pack.version);
    assert.equal(manifest.configSchema.type, "object");
  }
  assert.equal(pack.name, openclaw.id, "clawdbot warns where they differ");
  assert.deepEqual(pack.openclaw.extensions, ["./index.js"]);
  assert.deepEqual(pack.clawdbot.extensions, ["./index.js"]);
  assert.deepEqual(clawdbot.configSchema, openclaw.configSchema);
  assert.deepEqual(clawdbot.uiHints, openclaw.uiHints);
  assert.equal(pack.dependencies, undefined);
});

test("the manifest names exactly the tools that are registered, and nothing happens later", () => {
  const { tools, answer } = load({ url: "http://127.0.0.1:1", token: "t" });
  assert.equal(answer, undefined, "register is synchronous");
  assert.deepEqual(Object.keys(tools), openclaw.contracts.tools);
  assert.deepEqual(Object.keys(openclaw.toolMetadata), openclaw.contracts.tools);
  for (const [name, tool] of Object.entries(tools)) {
    assert.equal(tool.name, name);
    assert.equal(tool.parameters.type, "object");
    assert.equal(tool.parameters.additionalProperties, false);
  }
});

test("every setting has a hint for the screen, and the token is marked as secret", () => {
  const { properties } = openclaw.configSchema;
  const keys = Object.entries(properties).flatMap(([name, s]) => (s.properties ? Object.keys(s.properties).map((inner) => `${name}.${inner}`) : [name]));
  assert.deepEqual(Object.keys(openclaw.uiHints).sort(), keys.sort());
  assert.equal(openclaw.uiHints.token.sensitive, true);
  assert.equal(openclaw.configSchema.additionalProperties, false);
  assert.equal(openclaw.configSchema.required, undefined, "a plugin that is not configured yet loads");
});

test("nothing is imported but Node's own and the plugin's files", () => {
  for (const file of ["index.js", ...readdirSync(new URL("lib", here)).map((name) => `lib/${name}`)]) {
    for (const [, from] of read(file).matchAll(/^(?:import|export)[^"]*from "([^"]+)"/gm)) {
      assert.match(from, /^(node:|\.\.?\/)/, `${file} imports ${from}`);
    }
    assert.doesNotMatch(read(file), /\bimport\(|\brequire\(/, file);
  }
});

test("the skill has a name and a description that hosts accept", () => {
  const [, head] = read("skills/call-agent/SKILL.md").match(/^---\n([\s\S]*?)\n---\n/);
  assert.match(head, /^name: call-agent$/m);
  const [, description] = head.match(/^description: (.*)$/m);
  assert.ok(description.length <= 160, `${description.length} characters`);
});

test("a plugin without settings loads, warns, and its tools say what is missing", async () => {
  for (const [config, says] of [
    [undefined, /config\.url and .*config\.token are not set/],
    [null, /config\.url and .*config\.token are not set/],
    [{ url: "https://calls.example.com" }, /config\.token is not set/],
    [{ token: "t" }, /config\.url is not set/],
    [{ url: 7, token: ["t"] }, /config\.url and .*config\.token are not set/],
    [{ url: "calls.example.com", token: "t" }, /must be an http or https address/],
    [{ url: "ftp://calls.example.com", token: "t" }, /must be an http or https address/],
    [{ url: "https://me:secret@calls.example.com", token: "t" }, /must be an http or https address/],
    [{ url: "https://calls.example.com", token: "t\nx" }, /holds a character that no token has/],
  ]) {
    const { tools, warnings } = load(config);
    assert.match(warnings.join(), says);
    for (const tool of Object.values(tools)) {
      const { words, details } = await say(tool, {});
      assert.match(words, says);
      assert.match(words, /Tell the owner/);
      assert.equal(details.problem.kind, "unconfigured");
      assert.doesNotMatch(words, /secret/);
    }
  }
});
