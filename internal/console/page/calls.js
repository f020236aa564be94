// The list of calls as it is known: pages, and what changed since. No DOM.

import { fits } from "./place.js";

// Calls are newest first. The first page comes again with every connection; the pages
// after it were fetched once.
export class Calls {
  constructor(filters = {}) {
    this.filters = filters;
    this.list = [];
    this.next = ""; // the cursor after the last of them
    this.loaded = false;
    this.gone = new Set(); // deleted here: an answer under way may still hold them
  }

  // page takes the first page. What it covers and does not hold is gone. Where it does not
  // reach down to what is known, what lies between is not known: then it is all there is.
  page({ calls, next = "" }) {
    const fresh = calls.filter((call) => !this.gone.has(call.callId));
    const ids = new Set(fresh.map((call) => call.callId));
    const last = fresh.at(-1);
    const meets = next && this.list.some((call) => ids.has(call.callId));
    const older = meets ? this.list.filter((call) => !ids.has(call.callId) && newer(last, call) < 0) : [];
    if (!older.length) this.next = next;
    this.list = [...fresh, ...older];
    this.loaded = true;
  }

  // more takes the page after the last one.
  more({ calls, next = "" }) {
    const known = new Set(this.list.map((call) => call.callId));
    this.list.push(...calls.filter((call) => !known.has(call.callId) && !this.gone.has(call.callId)));
    this.next = next;
  }

  // changed takes one summary. It returns whether the list holds it.
  changed(call) {
    const at = this.list.findIndex((known) => known.callId === call.callId);
    const stays = fits(this.filters, call) && !this.gone.has(call.callId);
    if (at >= 0 && stays) this.list[at] = call;
    else if (at >= 0) this.list.splice(at, 1);
    else if (stays) this.list.splice(place(this.list, call), 0, call);
    return stays;
  }

  remove(id) {
    this.gone.add(id);
    this.list = this.list.filter((call) => call.callId !== id);
  }
}

// newer orders calls, the newest first; ids decide between those of one moment.
function newer(a, b) {
  return Date.parse(b.createdAt) - Date.parse(a.createdAt) || (a.callId < b.callId ? 1 : -1);
}

function place(list, call) {
  const at = list.findIndex((known) => newer(call, known) < 0);
  return at < 0 ? list.length : at;
}

// rowsInSight are the rows to draw of a long list of rows of one height: those in sight, and
// some around them. top is how far the list's beginning lies above the window's.
export function rowsInSight({ top, height, row, count, around = 6 }) {
  const first = Math.max(0, Math.min(count, Math.floor(top / row)) - around);
  const last = Math.min(count, Math.max(0, Math.ceil((top + height) / row)) + around);
  return { first, last: Math.max(first, last) };
}
