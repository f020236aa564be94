import assert from "node:assert/strict";
import { test } from "node:test";
import { Calls, rowsInSight } from "../../internal/console/page/calls.js";
import { fits, number, query, read, write } from "../../internal/console/page/place.js";
import * as words from "../../internal/console/page/words.js";

process.env.TZ = "America/New_York"; // days are the user's own

test("filters go into the fragment and come back", () => {
  const filters = { status: "completed", outcome: "booked", from: "2026-03-01", until: "2026-03-08", to: "+14155550123" };
  assert.deepEqual(read(write({ view: "list", filters })), { view: "list", filters });
  assert.equal(write({ view: "list", filters: {} }), "");
  assert.deepEqual(read(""), { view: "list", filters: {} });
  assert.deepEqual(read("#to=+14155550123").filters, { to: "+14155550123" }, "a + that was not encoded");
  const call = { view: "call", id: "Ab-_9", attempt: 2, at: 1234 };
  assert.deepEqual(read(write(call)), call);
});

test("what a fragment says wrongly is left out", () => {
  assert.deepEqual(read("#status=constructor&outcome=<b>&from=2026-02-30&until=yesterday&to=123&x=1"), { view: "list", filters: {} });
  for (const id of ["../../tools", "a%2F..", "", "<script>", "a b"]) assert.equal(read("#call=" + id).view, "nowhere", id);
  assert.deepEqual(read("#call=a&attempt=-1&at=1e9"), { view: "call", id: "a", attempt: undefined, at: undefined });
});

test("a number is read as people write it, and must be whole", () => {
  for (const typed of ["+1 415 555-0123", "+1 (415) 555.0123", "0014155550123", "14155550123"]) assert.equal(number(typed), "+14155550123", typed);
  for (const typed of ["", "0123", "555", "+0123456789", "+1415555012x", "+12345678901234567"]) assert.equal(number(typed), "", typed);
});

test("days are the user's, to their end, also when the clocks change", () => {
  const asked = query({ from: "2026-03-08", until: "2026-03-08", to: "+14155550123" }, { cursor: "x", limit: "" });
  assert.equal(String(asked), "to=%2B14155550123&from=2026-03-08T05%3A00%3A00.000Z&until=2026-03-09T04%3A00%3A00.000Z&cursor=x");
  const at = (createdAt) => fits({ from: "2026-03-08", until: "2026-03-08" }, { createdAt });
  assert.deepEqual(["2026-03-08T04:59:59Z", "2026-03-08T05:00:00Z", "2026-03-09T03:59:59Z", "2026-03-09T04:00:00Z"].map(at), [false, true, true, false]);
});

const call = (n, more = {}) => ({ callId: "c" + String(n).padStart(3, "0"), createdAt: new Date(1e12 + n * 1000).toISOString(), status: "completed", outcome: "booked", ...more });
const ids = (calls) => calls.list.map(({ callId }) => Number(callId.slice(1)));
const page = (from, to, next) => ({ calls: Array.from({ length: from - to + 1 }, (_, i) => call(from - i)), next });

test("pages, and what changes on them", () => {
  const calls = new Calls();
  calls.page(page(9, 7, "a"));
  calls.more(page(6, 4, "b"));
  assert.deepEqual([ids(calls), calls.next], [[9, 8, 7, 6, 5, 4], "b"]);
  calls.changed(call(10));
  calls.changed(call(8, { outcome: "unconfirmed" }));
  assert.deepEqual(ids(calls), [10, 9, 8, 7, 6, 5, 4]);
  assert.equal(calls.list[2].outcome, "unconfirmed");
  calls.more({ calls: [call(5), call(3)], next: "" });
  assert.deepEqual(ids(calls), [10, 9, 8, 7, 6, 5, 4, 3], "none stands twice");
});

test("a first page that comes again keeps what is below it, and takes what is gone", () => {
  const calls = new Calls();
  calls.page(page(9, 7, "a"));
  calls.more(page(6, 4, "b"));
  calls.page({ calls: [call(10), call(9), call(7)], next: "a2" });
  assert.deepEqual([ids(calls), calls.next], [[10, 9, 7, 6, 5, 4], "b"]);
  calls.page(page(99, 97, "z")); // after a night: what lies between is not known
  assert.deepEqual([ids(calls), calls.next], [[99, 98, 97], "z"]);
  calls.page(page(2, 1));
  assert.deepEqual([ids(calls), calls.next], [[2, 1], ""], "all there is");
});

test("who no longer fits the filters leaves the list, and who was deleted does not come back", () => {
  const calls = new Calls({ status: "in_progress" });
  calls.page({ calls: [call(2, { status: "in_progress" }), call(1, { status: "in_progress" })] });
  calls.changed(call(2));
  calls.changed(call(3));
  assert.deepEqual(ids(calls), [1]);
  calls.remove("c001");
  calls.changed(call(1, { status: "in_progress" }));
  calls.page({ calls: [call(1, { status: "in_progress" })] });
  assert.deepEqual(ids(calls), []);
});

test("of ten thousand rows those in sight are drawn", () => {
  assert.deepEqual(rowsInSight({ top: 0, height: 800, row: 60, count: 10_000 }), { first: 0, last: 20 });
  assert.deepEqual(rowsInSight({ top: 300_000, height: 800, row: 60, count: 10_000 }), { first: 4994, last: 5020 });
  assert.deepEqual(rowsInSight({ top: 1e9, height: 800, row: 60, count: 10_000 }), { first: 9994, last: 10_000 });
  assert.deepEqual(rowsInSight({ top: -500, height: 800, row: 60, count: 3 }), { first: 0, last: 3 });
});

test("what is not known is never 0, and numbers are masked as the server masks them", () => {
  assert.deepEqual([words.money(null), words.money(undefined), words.money(0), words.money(0.004), words.money(12.5, "EUR"), words.money(0.0061, "USD", 4)], ["unknown", "unknown", "$0.00", "< $0.01", "€12.50", "$0.0061"]);
  assert.deepEqual(["+14155550123", "+112", "", "+49301"].map(words.mask), ["+1******0123", "****", "", "******"]);
  assert.deepEqual([0, 999, 61_000, 3_600_000, 7_322_000].map(words.length), ["0:00", "0:00", "1:01", "1:00:00", "2:02:02"]);
  assert.equal(words.spoken(3_661_000), "1 hour 1 minute 1 second");
  assert.equal(words.slot({ start: "2026-03-03T09:30:00-08:00", end: "2026-03-03T10:00:00-08:00", timezone: "America/Los_Angeles" }).hours, "09:30 – 10:00");
  assert.equal(words.slot({ start: "2026-03-03T09:30:00-08:00", end: "2026-03-03T10:00:00-08:00", timezone: "Mars/Olympus" }).zone, "UTC");
});

test("a word that the contract does not know stands as it came, whatever it is called", () => {
  for (const name of ["constructor", "toString", "__proto__"]) {
    assert.equal(words.stage(name), name);
    assert.equal(words.tool(name), name.replaceAll("_", " "));
    assert.equal(words.reason(name), name.replaceAll("_", " "));
    assert.equal(words.standing({ status: name }).text, name);
    assert.equal(words.standing({ status: "completed", outcome: name }).text, name);
  }
  assert.equal(words.reason(undefined), "");
  assert.equal(words.reason("no_answer"), "nobody answered");
});
