import { fileTypeFromBuffer } from "file-type";
import { typeNamed } from "./formats.ts";

/** How many first bytes tell the type of a file. */
export const SNIFFED_BYTES = 4100;

/** What a file really is, by its first bytes, as X names it. Null: they do not tell. */
export async function sniff(first: Uint8Array): Promise<string | null> {
  // Fewer bytes than a format's marks are no mistake of ours: they do not tell.
  const found = await fileTypeFromBuffer(first).catch(() => undefined);
  return typeNamed(found?.mime);
}

/** Types that share their container, and that browsers and systems take for each other. */
const ALIKE = new Set(["video/mp4", "video/quicktime"]);

/** Whether a file is what its client says it is. */
export const isAsNamed = (named: string, sniffed: string): boolean =>
  named === sniffed || (ALIKE.has(named) && ALIKE.has(sniffed));
