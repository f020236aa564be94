// The console (/console) as a person uses it, in a real browser, against a server that does
// what a test says. The real server is watched in phone.test.js, which holds a call.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { launch, open } from "./chromium.js";
import * as calls from "./console/calls.js";
import { Stub } from "./console/stub.js";
import { has, inPlace, quiet, rows, text, until, visit } from "./console/visit.js";
import { accessible, firstPaint, looks, out, pictures, sizes, still } from "./look.js";

const id = { booked: "Bk3kPzQ1booked", retried: "Rt7busyThenRetry", live: "Lv5onThePhone", long: "Lg2hours", hostile: "Xx1markupAndRtl", lost: "Ml9modelLost", voicemail: "Vm2voicemail", missing: "Ms4noRecording" };
const everything = () => [calls.live(), calls.retried(), calls.booked(), calls.voicemail(), calls.modelLost(), calls.hostile(), calls.missing()];

let browser;
before(async () => {
  mkdirSync(out, { recursive: true });
  browser = await launch();
});
after(() => browser?.close());

// against gives a test a server with these calls and a context of its own.
function against(make, run) {
  return async (t) => {
    const stub = await Stub.start(make()), context = await inPlace(browser);
    try {
      await run({ stub, context, t });
      assert.deepEqual(stub.faults, []);
    } finally {
      await context.close();
      stub.close();
    }
  };
}

const at = (page, fragment) => page.evaluate((f) => (location.hash = f), fragment);
const callPage = async (page, name) => (await at(page, "#call=" + id[name]), await page.waitForSelector(`.facts .card:has-text("${id[name]}")`));
const seconds = (page) => page.$eval("[role=slider]", (slider) => Number(slider.getAttribute("aria-valuenow")));

test("every state is shown, is accessible, and stands still, on a desk and a telephone, light and dark", against(everything, async ({ stub, context }) => {
  stub.more = calls.many(200);
  stub.tell(id.live, 25_000);
  async function pass({ name, viewport, colorScheme }) {
    const axed = ["desk-light", "phone-dark"].includes(name); // both sizes and both looks
    const page = await visit(context, stub, "", { token: null, size: viewport, look: { colorScheme } });
    const show = async (state) => {
      await still(page);
      await page.screenshot({ path: `${out}console-${state}-${name}.png` });
      if (axed) await accessible(page, `${state} ${name}`);
    };
    await page.waitForSelector("#login[open]");
    await show("login");
    await page.fill("#token", "good");
    await page.keyboard.press("Enter");
    await has(page, ".rows", "Nina");
    await show("list");
    await at(page, "#outcome=unconfirmed&status=busy");
    await has(page, ".state", "No call found");
    await show("nothing-found");
    for (const call of ["retried", "live", "booked", "lost", "voicemail", "hostile", "missing"]) {
      await callPage(page, call);
      if (call === "booked") await page.locator("call-words li.agent .text").first().click();
      await page.evaluate(() => scrollTo(0, 0));
      await show(call);
      if (call === "live") {
        await page.locator("summary").first().click();
        await show("live-words");
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${call} ${name} is ${wide} pixels too wide`);
    }
    await page.evaluate(() => scrollTo(0, 1e6));
    await show("end-of-call");
    await page.click(".delete");
    await show("delete");
    await page.keyboard.press("Escape");
    await at(page, "#call=nobody");
    await has(page, ".state", "There is no such call");
    await show("no-such-call");
    const shifts = await page.evaluate(() => globalThis.shifts);
    assert.ok(shifts < 0.02, `${name}: layout shift ${shifts}`);
    quiet(page, 401, 404);
    await page.close();
  }
  for (const size of Object.keys(sizes)) await Promise.all(looks.filter((look) => look.size === size).map(pass));
  if (process.env.IMAGES) await pictures(context, process.env.IMAGES, ["console-list-desk-light", "console-list-desk-dark", "console-booked-desk-light", "console-booked-desk-dark", "console-live-phone-dark", "console-list-phone-light"]);
}));

test("nothing yet, and a server that does not answer, are said; it is found again", against(() => [], async ({ stub, context }) => {
  const page = await visit(context, stub, "");
  await has(page, ".state", "No call yet");
  await accessible(page, "empty");
  await page.screenshot({ path: out + "console-empty.png" });
  stub.down = true;
  await page.reload();
  await has(page, ".state", "The server does not answer");
  await accessible(page, "down");
  await page.screenshot({ path: out + "console-down.png" });
  stub.down = false;
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await has(page, ".state", "No call yet");
  stub.trouble = () => ({ status: 403, code: "forbidden", message: "This token lacks the scope read." });
  await page.reload();
  await has(page, ".state", "lacks the scope read");
  quiet(page, 403, "network");
}));

test("a live call is heard as it happens, hung up, and reviewed, in two tabs and the list", against(() => [calls.live(), calls.booked()], async ({ stub, context }) => {
  const list = await visit(context, stub), page = await visit(context, stub, "#call=" + id.live, { ready: false }), other = await visit(context, stub, "#call=" + id.live, { ready: false });
  for (const tab of [page, other]) await has(tab, ".pills", "On the phone");
  await until(() => stub.streams.size === 3);
  stub.tell(id.live, 8000);
  for (const tab of [page, other]) await has(tab, "call-words li.agent", "calling on behalf of Alex Morgan");
  assert.equal(await page.getAttribute("call-words", "role"), "log");
  await page.waitForFunction(() => Number(document.querySelector("live-meters .agent").ariaValueNow) > 20, null, { timeout: 30_000 });
  stub.tell(id.live, 24_000);
  await has(page, "call-words li.event", "Looked for free times");
  await has(page, "call-words li.cut", "interrupted after");
  stub.change(id.live, { event: calls.booked().call.event, outcome: "booked" }, { event: "booked", attempt: 1 });
  await has(page, ".fact.event", "Tuesday, 3 March 2026");
  assert.match((await rows(list))[0], /^On the phone Tue 3 Mar, 17:30|^On the phone Tue 3 Mar, 09:30/);

  await page.bringToFront();
  await page.click(".hangup");
  await has(page, "#question[open]", "The assistant says goodbye");
  await has(page, "#question", "stays booked");
  await accessible(page, "hang up?");
  await page.click("#question .danger");
  for (const tab of [page, other]) await has(tab, ".hangup:disabled", "Saying goodbye");
  assert.equal(stub.asked.filter(({ method }) => method === "POST").length, 1);
  stub.tell(id.live);
  const over = new Date(calls.now).toISOString();
  const { timelines } = stub.calls.get(id.live);
  timelines[0].complete = true;
  stub.change(id.live, { status: "completed", completedAt: over, updatedAt: over, notification: { state: "pending", tries: 1 } }, { event: "ended", attempt: 1, status: "completed" });
  for (const tab of [page, other]) await has(tab, ".pills", "Booked");
  await has(page, ".says", "The recording is being finished");
  await has(list, ".rows a", /^Booked/);
  stub.calls.get(id.live).recordings = [{ attempt: 1, bytes: 44 + 16 * timelines[0].durationMs, durationMs: timelines[0].durationMs }];
  stub.calls.get(id.live).call.notification = { state: "delivered", tries: 2 };
  await has(page, ".notice-delivered", "Delivered"); // it looks again by itself
  await page.locator(".play:enabled").waitFor();
  assert.equal(await page.locator(".now").isVisible(), false);

  await page.click(".delete");
  await page.click("#question .danger");
  await has(page, ".state", "This call was deleted");
  await has(other, ".state", "This call was deleted");
  await list.waitForFunction(() => document.querySelectorAll(".rows a").length === 1);
  for (const tab of [list, page, other]) quiet(tab);
}));

test("the recording plays with its cursor on timeline and transcript, and both lead into it", against(() => [calls.booked(), calls.missing(), calls.modelLost()], async ({ stub, context }) => {
  const page = await visit(context, stub, "#call=" + id.booked);
  await page.click(".play");
  await page.waitForFunction(() => Number(document.querySelector("[role=slider]").getAttribute("aria-valuenow")) >= 1, null, { timeout: 30_000 });
  assert.ok(stub.asked.filter(({ path }) => path.includes("/recording")).length > 2, "it came in pieces");
  await has(page, "li.current", "good morning");
  const box = await page.locator("[role=slider]").boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + 60);
  await until(async () => [23, 24, 25].includes(await seconds(page)));
  await has(page, "li.current", "How about Tuesday");
  await page.locator("call-words li.agent", { hasText: "It is booked" }).locator(".text").click();
  await until(async () => (await seconds(page)) >= 41);
  await page.locator(".quotes a").first().click();
  await has(page, "li.current.callee", "Half past nine, Tuesday");
  assert.match(page.url(), /&at=27\d\d\d$/);
  assert.match(await page.evaluate(() => document.activeElement.ariaLabel), /^Go to 0:27/);
  await page.locator("[role=slider]").press("Space");
  await page.getByRole("button", { name: "Play the recording" }).waitFor();

  await callPage(page, "missing");
  await has(page, ".says", "No recording is kept of this attempt; they are kept for 30 days.");
  assert.equal(await page.locator(".play").isDisabled(), true);
  await page.locator("call-words li.callee").nth(1).locator(".text").click(); // the cursor moves nevertheless
  await until(async () => (await seconds(page)) > 10);

  await callPage(page, "lost");
  await has(page, ".attempts [aria-pressed=true]", "Attempt 2");
  stub.recordings.give = 300_000;
  await page.click(".play");
  await has(page, ".says", "The recording cannot be read now");
  stub.recordings.give = Infinity;
  await page.click(".play");
  await has(page, ".says", "Cut short: it ends at 0:31");
  await page.getByRole("button", { name: "Attempt 1" }).click();
  await has(page, ".words .note", "The end of it is missing");
  await has(page, "call-words .bad", "connection was lost");
  await page.goBack();
  await has(page, ".attempts [aria-pressed=true]", "Attempt 2");
  quiet(page, 503);
}));

test("filters are in the link, and back goes back", against(everything, async ({ stub, context }) => {
  stub.more = calls.many(60);
  const page = await visit(context, stub);
  await page.selectOption("[name=outcome]", "booked");
  await page.waitForFunction(() => [...document.querySelectorAll(".rows a")].every((a) => a.innerText.startsWith("Booked")));
  assert.match(page.url(), /#outcome=booked$/);
  await page.fill("[name=to]", "+1 415 555-0123");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelectorAll(".rows a").length === 2);
  assert.match(page.url(), /to=%2B14155550123$/);
  const [asked] = stub.asked.filter(({ path }) => path.includes("to=%2B14155550123"));
  assert.ok(asked, "the server finds the number, by its index");
  const link = await visit(context, stub, new URL(page.url()).hash);
  assert.equal((await rows(link)).length, 2, "the link shows the same");
  assert.equal(await link.inputValue("[name=to]"), "+14155550123");
  await page.bringToFront();
  await page.locator(".rows a").first().click();
  await page.waitForSelector(".facts .card");
  await page.goBack();
  await page.waitForFunction(() => document.activeElement.matches?.(".rows a"));
  assert.equal((await rows(page)).length, 2);
  await page.goBack();
  await page.waitForFunction(() => document.querySelectorAll(".rows a").length > 5);
  await page.fill("[name=to]", "555");
  await page.keyboard.press("Enter");
  await has(page, "#tofault", "Give the whole number");
  await accessible(page, "a number that is none");
  await page.click("[type=reset]");
  await has(page, ".rows", "Praxis");
  await page.fill("[name=from]", "2026-02-28");
  await page.fill("[name=until]", "2026-02-28");
  await page.waitForFunction(() => {
    const times = [...document.querySelectorAll(".rows time")];
    return times.length > 0 && times.every((time) => time.dateTime.startsWith("2026-02-28"));
  });
  quiet(page);
}));

test("ten thousand calls are walked through with a few rows at a time", against(() => [], async ({ stub, context, t }) => {
  stub.more = calls.many(10_000);
  const page = await visit(context, stub);
  const from = Date.now();
  const most = await page.evaluate(async () => {
    let most = 0;
    const list = document.querySelector("call-list");
    while (list.calls.list.length < 10_000) {
      scrollTo(0, 1e9);
      await new Promise(requestAnimationFrame);
      most = Math.max(most, document.querySelectorAll(".rows a").length);
    }
    scrollTo(0, 1e9);
    return most;
  });
  t.diagnostic(`10,000 calls in 101 pages: ${Date.now() - from} ms, at most ${most} rows at a time`);
  assert.ok(most <= 60, `${most} rows`);
  await has(page, ".sum", "10,000");
  assert.equal(await page.locator(".more").isVisible(), false);
  const last = page.locator(".rows [aria-posinset='10000'] a");
  await last.focus();
  await page.evaluate(() => scrollTo(0, 0));
  await page.waitForFunction(() => document.querySelector("[aria-posinset='1']"));
  assert.equal(await page.evaluate(() => document.activeElement.closest("[data-id]").dataset.id), "many009999", "who has the focus keeps it");
  for (const top of [100_000, 300_000, 599_000]) {
    await page.evaluate((y) => scrollTo(0, y), top);
    await page.waitForFunction(() => document.querySelectorAll(".rows a").length > 10 && [...document.querySelectorAll(".rows a")].some((a) => a.getBoundingClientRect().top > 0 && a.getBoundingClientRect().top < 400));
  }
  quiet(page);
}));

test("a stream that stops mid-way, and a device that slept, miss nothing", against(() => [calls.live(), calls.booked()], async ({ stub, context }) => {
  const page = await visit(context, stub, "#call=" + id.live, { ready: false });
  await until(() => stub.streams.size === 1);
  stub.tell(id.live, 6000);
  await has(page, "li.callee", "good morning");
  stub.down = true;
  stub.cut();
  await has(page, "#line", "Reconnecting");
  stub.tell(id.live, 12_000);
  stub.down = false;
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await has(page, "li.agent", "some time next week");
  await has(page, "#line", "Live");
  assert.equal(await page.locator("li.callee", { hasText: "good morning" }).count(), 1, "nothing stands twice");

  stub.silent = true; // the connection stands, and is dead: nobody closed it
  stub.tell(id.live, 26_000);
  await page.clock.setFixedTime(new Date(calls.now + 3600_000));
  stub.silent = false;
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange"))); // it wakes
  await has(page, "li.agent", "How about Tuesday");
  assert.match(stub.asked.at(-1).path, /lines=1\.\d\d|calls\/Lv5/);
  quiet(page, "network");
}));

test("a token that expires is asked for anew, and the page stays", against(everything, async ({ stub, context }) => {
  const page = await visit(context, stub, "#call=" + id.live);
  stub.tell(id.live, 8000);
  await has(page, "li.agent", "on behalf of");
  stub.tokens = new Set(["newer"]);
  stub.cut();
  await has(page, "#login[open]", "takes your token no more");
  assert.equal(await page.locator("li.agent", { hasText: "on behalf of" }).count(), 1, "the page is still there");
  await accessible(page, "sign in again");
  await page.screenshot({ path: out + "console-expired.png" });
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.locator("#login[open]").waitFor();
  await page.fill("#token", "pässwort");
  await page.keyboard.press("Enter");
  await has(page, "#login[open]", "does not know this token");
  await page.fill("#token", "newer");
  await page.keyboard.press("Enter");
  await page.locator("#login[open]").waitFor({ state: "detached" }).catch(() => {});
  stub.tell(id.live, 14_000);
  await has(page, "li.agent", "some time next week");
  assert.equal(await page.evaluate(() => sessionStorage.getItem("call-agent-token")), "newer");
  await page.click("#forget");
  await page.locator("#login[open]").waitFor();
  quiet(page, 401, "network");
}));

test("other people's words are shown as text, each in its own direction", against(() => [calls.hostile()], async ({ stub, context }) => {
  const page = await visit(context, stub, "", { size: sizes.phone });
  await has(page, ".rows a", "<img src=x onerror=alert(1)>");
  await callPage(page, "hostile");
  await page.evaluate(() => document.querySelectorAll("details").forEach((d) => (d.open = true)));
  assert.deepEqual(await page.$$eval("call-words .text", (all) => all.map((p) => p.textContent)), calls.nasty);
  assert.equal(await page.locator("main :is(img, script, b[onclick], iframe)").count(), 0);
  assert.deepEqual(await page.$$eval("call-words .text", (all) => all.slice(0, 3).map((p) => getComputedStyle(p).direction)), ["ltr", "rtl", "rtl"]);
  assert.match(await page.locator("details dl").first().textContent(), /<b onclick=alert\(3\)>/);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "long words do not widen the page");
  assert.equal(await page.$eval("h1 bdi", (bdi) => bdi.textContent), "عيادة الأسنان <b>&amp;</b>");
  quiet(page);
}));

test("two hours are drawn, walked through and zoomed into", against(() => [calls.long()], async ({ stub, context, t }) => {
  const from = Date.now();
  const page = await visit(context, stub, "#call=" + id.long);
  const drawn = await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => {
    const timeline = document.querySelector("call-timeline"), from = performance.now();
    timeline.due = undefined;
    timeline.redraw();
    requestAnimationFrame(() => resolve(performance.now() - from));
  }))));
  t.diagnostic(`two hours: shown after ${Date.now() - from} ms with ${await page.locator("call-words li").count()} entries, drawn anew in ${drawn.toFixed(0)} ms`);
  await page.getByRole("button", { name: "Zoom in" }).click();
  await page.locator("[role=slider]").focus();
  for (const key of ["+", "+", "+", "+", "+", "+", "+", "End"]) await page.keyboard.press(key);
  assert.equal(await seconds(page), 7199);
  await has(page, "li.current", "it reached the longest time");
  const visible = await page.$eval("li.current", (li) => { const a = li.getBoundingClientRect(), b = li.closest("call-words").getBoundingClientRect(); return a.top >= b.top && a.bottom <= b.bottom + 1; });
  assert.ok(visible, "the transcript follows");
  await page.screenshot({ path: out + "console-two-hours.png" });
  await page.locator("[role=slider]").press("Shift+ArrowLeft");
  assert.equal(await seconds(page), 7189);
  assert.match(await page.getAttribute("[role=slider]", "aria-valuetext"), /^1 hour 59 minutes 49 seconds/);
  quiet(page);
}));

test("everything can be reached by keyboard, and who asks for less motion gets none", against(everything, async ({ stub, context }) => {
  const page = await visit(context, stub, "", { look: { reducedMotion: "reduce" } });
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "skip");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.locator(".rows a").first().focus();
  for (const key of ["ArrowDown", "ArrowDown", "ArrowUp", "ArrowDown", "Enter"]) await page.keyboard.press(key);
  await page.waitForSelector(".facts .card");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
  assert.equal(await text(page, "call-page h1"), "Bright Smile Dental");
  assert.doesNotMatch(await text(page, "call-page"), /\+14155550123/);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter"); // shows the number
  assert.match(await text(page, ".masked"), /\+14155550123/);
  for (let i = 0; i < 12 && !(await page.evaluate(() => document.activeElement.role === "slider")); i++) await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowRight");
  assert.equal(await seconds(page), 1);
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(ring, "solid", "the focus is seen");
  await page.keyboard.press("+");
  assert.ok(await page.$eval("call-timeline", (timeline) => !timeline.zoom.all));
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
  quiet(page);
}));

test("what waits can be cancelled, and an id in a link leads nowhere else", against(everything, async ({ stub, context }) => {
  const page = await visit(context, stub, "#call=" + id.retried);
  assert.match(await text(page, ".now"), /Attempt 3 of 3 in 12 min\s+At 15:12\. Attempt 2: nobody answered\./);
  await page.click(".hangup");
  await has(page, "#question[open]", "It is not dialled any more.");
  await page.click("#question .danger");
  await has(page, ".pills", "Not booked");
  const before = stub.asked.length;
  for (const path of ["../../tools", "..%2f..%2ftools", "a/../../b", "<img src=x onerror=alert(1)>"]) {
    await at(page, "#call=" + path);
    await has(page, ".state", "The link names no call");
  }
  assert.deepEqual(stub.asked.slice(before).filter(({ path }) => !path.includes(id.retried)), [], "nothing was asked of the server");
  await accessible(page, "nowhere");
  quiet(page);
}));

test("nobody may frame the page, first paint is beside an empty page's, and it is small", against(everything, async ({ stub, context, t }) => {
  const other = createServer((req, res) => res.writeHead(200, { "Content-Type": "text/html" }).end(`<!doctype html><iframe src="${stub.base}/console"></iframe>`)).listen(0, "localhost");
  await new Promise((resolve) => other.once("listening", resolve));
  const page = await open(context);
  const framing = await context.newPage();
  await framing.goto(`http://localhost:${other.address().port}/`);
  await until(() => framing.frames().length === 2 && framing.frames()[1].url() !== "");
  assert.equal(await framing.frames()[1].evaluate(() => document.querySelector("call-list") !== null).catch(() => false), false);
  other.close();
  await framing.close();
  const empty = await firstPaint(page, stub.base + "/empty"), console = await firstPaint(page, stub.base + "/console");
  t.diagnostic(`first contentful paint: ${console.toFixed(0)} ms, an empty page's ${empty.toFixed(0)} ms (median of 5)`);
}));
