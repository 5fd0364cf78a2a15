type Bytes = Uint8Array<ArrayBuffer>;

/** Width and height of a PNG, GIF or JPEG in pixels, or null when the bytes are none of them. */
export function imageSize(bytes: Bytes): { width: number; height: number } | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length >= 24 && view.getUint32(0) === 0x89504e47) {
    return { width: view.getUint32(16), height: view.getUint32(20) };
  }
  if (bytes.length >= 10 && view.getUint32(0) === 0x47494638) {
    return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  }
  return bytes.length >= 4 && view.getUint16(0) === 0xffd8 ? jpegSize(view) : null;
}

// Walks the segments of a JPEG to its frame header (SOF0 to SOF15, without the tables DHT, JPG and DAC).
function jpegSize(view: DataView): { width: number; height: number } | null {
  let at = 2;
  while (at + 9 < view.byteLength && view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    }
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

/** The media type the first bytes speak of, as far as X takes it; a guess by category otherwise. */
export function typeOf(bytes: Bytes, category: string): string {
  const start = String.fromCharCode(...bytes.subarray(0, 12));
  if (start.startsWith("\x89PNG")) return "image/png";
  if (start.startsWith("GIF8")) return "image/gif";
  if (start.startsWith("\xff\xd8")) return "image/jpeg";
  if (start.slice(4, 8) === "ftyp") return "video/mp4";
  return category.endsWith("video") ? "video/mp4" : category.endsWith("gif") ? "image/gif" : "image/jpeg";
}
