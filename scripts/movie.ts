/** A small MP4 of so many bytes: a header that says how long it plays, a little of nothing to play, and padding. */
export function movie(size: number, { duration_s = 5, seed = 1 } = {}): Uint8Array<ArrayBuffer> {
  const header = [box("ftyp", text("isom"), int(512), text("isomiso2mp41")), movieHeader(duration_s)];
  const data = box("mdat", noise(1024, seed));
  const front = concat([...header, data]);
  const padding = size - front.length;
  if (padding < 8) throw new Error(`a movie has at least ${front.length + 8} bytes`);
  const whole = new Uint8Array(size);
  whole.set(front);
  whole.set(concat([int(padding), text("free")]), front.length);
  whole.set(noise(padding - 8, seed), front.length + 8);
  return whole;
}

const TIMESCALE = 1000;

/** A `moov` with nothing but its header (ISO/IEC 14496-12, section 8.2.2), in version 0. */
const movieHeader = (duration_s: number): Uint8Array =>
  box(
    "moov",
    box("mvhd", int(0), int(0), int(0), int(TIMESCALE), int(duration_s * TIMESCALE), new Uint8Array(80)),
  );

export function box(type: string, ...parts: Uint8Array[]): Uint8Array {
  const body = concat(parts);
  return concat([int(body.length + 8), text(type), body]);
}

const text = (characters: string): Uint8Array => Uint8Array.from(characters, (one) => one.charCodeAt(0));

const int = (value: number): Uint8Array =>
  new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value].map((byte) => byte & 255));

function concat(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes that look like nothing in particular, the same for a seed (xorshift32). */
export function noise(size: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = seed | 0 || 1;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}
