// A recording from its ranges: an answer may hold less than was asked for. No DOM.

const piece = 4 << 20;
const header = 44; // of a WAV file whose format is told in the usual way

// assemble asks get(from, to) until all is there and returns {bytes: Uint8Array[], size, total}.
// size is smaller than total where the server stopped giving. progress hears both.
export async function assemble(get, { progress = () => {} } = {}) {
  const bytes = [];
  let size = 0, total = Infinity;
  while (size < total) {
    const response = await get(size, Math.min(size + piece, total) - 1);
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "");
    if (response.status === 206 && Number(range?.[1]) !== size) throw new Error("the server gave another part of the recording than was asked for");
    const body = new Uint8Array(await response.arrayBuffer());
    if (response.status !== 206) bytes.length = size = 0; // all of it, whatever was asked
    total = range ? Number(range[2]) : body.length;
    if (body.length === 0) break;
    bytes.push(body.subarray(0, total - size));
    size = Math.min(size + body.length, total);
    progress(size, total);
  }
  return { bytes, size, total };
}

// form reads a WAV file's head: {at, rate, claimed}, where the sound begins, its bytes a
// second, and how many bytes of it the head claims. undefined where it is none.
export function form(head) {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const word = (at) => String.fromCharCode(...head.subarray(at, at + 4));
  if (head.length < header || word(0) !== "RIFF" || word(8) !== "WAVE") return undefined;
  let rate = 0;
  for (let at = 12; at + 8 <= head.length; ) {
    const size = view.getUint32(at + 4, true);
    if (word(at) === "fmt " && at + 20 <= head.length) rate = view.getUint32(at + 16, true);
    if (word(at) === "data") return rate ? { at: at + 8, rate, claimed: size } : undefined;
    at += 8 + size + (size % 2);
  }
  return undefined;
}

// whole makes a file that a player takes of what there is: a head that claims more than
// there is would be refused by some. It returns {parts, durationMs, missing}.
export function whole({ bytes, size, total }) {
  const head = bytes[0]?.slice(0, 4096);
  const wav = head && form(head);
  if (!wav) return undefined;
  const sound = size - wav.at;
  const claimed = wav.claimed === 0xffffffff ? total - wav.at : wav.claimed; // a writer that never came back to fill it in
  const view = new DataView(head.buffer);
  view.setUint32(4, size - 8, true);
  view.setUint32(wav.at - 4, Math.min(sound, claimed), true);
  return {
    parts: [head, bytes[0].subarray(head.length), ...bytes.slice(1)],
    durationMs: Math.round((1000 * Math.min(sound, claimed)) / wav.rate),
    missing: size < total || sound < claimed,
  };
}
