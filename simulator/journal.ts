import { base64, unbase64 } from "./bytes.ts";
import type { Fact } from "./world.ts";

/** A fact as one line of JSON; the bytes of a segment stand in it as base64. */
export function lineOf(fact: Fact): string {
  if (fact.type !== "media.appended") return JSON.stringify(fact);
  return JSON.stringify({ ...fact, bytes: base64(fact.bytes) });
}

/** The fact of a line, or null for a blank or torn one: a process killed while writing leaves half a line. */
export function factOf(line: string): Fact | null {
  if (line.trim() === "") return null;
  try {
    const fact = JSON.parse(line) as Fact;
    if (fact.type !== "media.appended") return fact;
    return { ...fact, bytes: unbase64(fact.bytes as unknown as string) ?? new Uint8Array() };
  } catch {
    return null;
  }
}
