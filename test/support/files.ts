import { noise } from "../../scripts/movie.ts";

/** The first bytes of files as their formats have them; the rest is noise. */
const heads: Record<string, number[]> = {
  "image/png": [
    0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0, 0, 1, 8, 6,
    0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0, 0x49, 0x44, 0x41, 0x54,
  ],
  "image/jpeg": [0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0],
  "image/gif": [...text("GIF89a"), 1, 0, 1, 0, 0x80, 0, 0],
  "image/webp": [...text("RIFF"), 100, 0, 0, 0, ...text("WEBPVP8 ")],
  "video/quicktime": [0, 0, 0, 20, ...text("ftypqt  "), 0, 0, 2, 0, ...text("qt  ")],
  "video/webm": [
    0x1a,
    0x45,
    0xdf,
    0xa3,
    0x9f,
    0x42,
    0x86,
    0x81,
    1,
    0x42,
    0xf7,
    0x81,
    1,
    0x42,
    0xf2,
    0x81,
    4,
    0x42,
    0xf3,
    0x81,
    8,
    0x42,
    0x82,
    0x84,
    ...text("webm"),
  ],
  "application/pdf": [...text("%PDF-1.7\n")],
};

export function file(type: string, size = 1000): Uint8Array<ArrayBuffer> {
  const bytes = noise(size, size);
  bytes.set(heads[type] ?? []);
  return bytes;
}

function text(characters: string): number[] {
  return Array.from(characters, (one) => one.charCodeAt(0));
}
