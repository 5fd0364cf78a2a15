import { Problem } from "#core/lib/problem";

/**
 * Whether a request says `If-Match`, and what it names is there: a thing's ETag is its sequence. Throws 412 when it has changed
 * since; an ETag that is weak never matches.
 */
export function ifMatch(request: Request, sequence: number): boolean {
  const header = request.headers.get("if-match");
  if (header === null) return false;
  const tags = header.split(",").map((tag) => tag.trim());
  if (tags.includes("*") || tags.includes(`"${sequence}"`)) return true;
  throw new Problem("precondition_failed", { detail: "It has changed since it was read" });
}
