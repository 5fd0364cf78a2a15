/** Reads a range of a file: exactly `length` bytes from `offset`. */
export type ReadRange = (offset: number, length: number) => Promise<Uint8Array>;

/** What the boxes of an MP4 or MOV file say. */
export type Boxes = {
  /** How long the file must be: the end of its last box, or of the last that was looked at. */
  end: number;
  duration_s: number | null;
};

/** Each box is a read of its own: a file of fragments is not looked at further. */
const MOST_BOXES = 64;
/** The header that holds the duration stands first in `moov`. */
const MOVIE_HEADER_BYTES = 1024;

/** Walk the top level of an ISO base media file (ISO/IEC 14496-12, section 4.2). Null: it cannot be read. */
export async function readBoxes(read: ReadRange, size: number): Promise<Boxes | null> {
  let duration_s: number | null = null;
  let at = 0;
  for (let count = 0; at < size && count < MOST_BOXES; count++) {
    if (at + 8 > size) return null;
    const box = boxAt(await read(at, Math.min(16, size - at)), size - at);
    if (box === null) return null;
    const body = Math.min(at + box.size, size) - (at + box.header);
    if (box.type === "moov" && body > 0)
      duration_s = durationIn(await read(at + box.header, Math.min(body, MOVIE_HEADER_BYTES)));
    at += box.size;
  }
  return { end: at, duration_s };
}

type Box = { type: string; size: number; header: number };

function boxAt(bytes: Uint8Array, left: number): Box | null {
  const view = viewOf(bytes);
  const type = String.fromCharCode(...bytes.subarray(4, 8));
  if (!/^[\x20-\x7e\xa9]{4}$/.test(type)) return null;
  const size = view.getUint32(0);
  // 0: to the end of the file. 1: the size stands behind the type, in 64 bits.
  if (size === 0) return { type, size: left, header: 8 };
  if (size === 1 && bytes.length === 16) {
    const large = Number(view.getBigUint64(8));
    return large >= 16 ? { type, size: large, header: 16 } : null;
  }
  return size >= 8 ? { type, size, header: 8 } : null;
}

/** The duration in a movie header (`mvhd`, section 8.2.2); null when it is not there or not known. */
function durationIn(moov: Uint8Array): number | null {
  const view = viewOf(moov);
  for (let at = 0; at + 8 <= moov.length;) {
    const box = boxAt(moov.subarray(at, at + 16), moov.length - at);
    if (box === null) return null;
    if (box.type === "mvhd") return headerDuration(view, at + box.header);
    at += box.size;
  }
  return null;
}

function headerDuration(view: DataView, at: number): number | null {
  if (at + 32 > view.byteLength) return null;
  const isLong = view.getUint8(at) === 1;
  const timescale = view.getUint32(at + (isLong ? 20 : 12));
  const duration = isLong ? Number(view.getBigUint64(at + 24)) : view.getUint32(at + 16);
  const unknown = isLong ? duration >= Number(0xffffffffffffffffn) : duration === 0xffffffff;
  return timescale === 0 || duration === 0 || unknown
    ? null
    : Math.round((duration / timescale) * 1000) / 1000;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
