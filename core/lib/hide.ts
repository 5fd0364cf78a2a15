import { base64url, utf8 } from "./bytes.ts";

// Secrets stand in words that others chose: X's refusals, the errors of the platform, addresses that a caller mistook.

const REMOVED = "[removed]";

/** A shorter part of a secret lets nobody recognise it. */
const PART = 12;
/** A shorter secret is none, and would be found in every sentence. */
const SHORTEST = 8;

/** Tokens, keys, codes, hashes and sealed texts are unbroken runs of 30 characters and more; ids and words are shorter. */
export const hideRuns = (text: string, by = REMOVED): string => text.replace(/[A-Za-z0-9_%+=-]{30,}/g, by);

/**
 * A text without these secrets, also where only a part of one stands (12 characters or more), or where it was encoded for a
 * URL, for JSON or in base64, by itself or in the midst of something longer.
 */
export function hide(text: string, secrets: readonly string[]): string {
  const parts = partsOf(secrets);
  const sizes = [...new Set([...parts].map(({ length }) => length))].sort((a, b) => b - a);
  let shown = "";
  let end = -1;
  for (let at = 0; at < text.length; at++) {
    const size = sizes.find((one) => parts.has(text.slice(at, at + one)));
    if (size === undefined) continue;
    if (at > end) shown += text.slice(Math.max(end, 0), at) + REMOVED;
    end = Math.max(end, at + size);
  }
  return shown + text.slice(Math.max(end, 0));
}

/** All parts of all forms: of one size, but for forms that are themselves shorter. */
function partsOf(secrets: readonly string[]): Set<string> {
  const parts = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < SHORTEST) continue;
    for (const form of formsOf(secret))
      for (let at = 0; at === 0 || at + PART <= form.length; at++) parts.add(form.slice(at, at + PART));
  }
  return parts;
}

function formsOf(secret: string): string[] {
  const encoded = [0, 1, 2].map((before) => inBase64(secret, before));
  return [
    secret,
    encodeURIComponent(secret.toWellFormed()),
    new URLSearchParams({ s: secret }).toString().slice("s=".length),
    JSON.stringify(secret).slice(1, -1),
    ...encoded,
    ...encoded.map((text) => text.replaceAll("-", "+").replaceAll("_", "/")),
  ];
}

/** What a secret looks like in the base64 of a text in which so many bytes (modulo 3) come before it. */
function inBase64(secret: string, before: number): string {
  const bytes = utf8(" ".repeat(before) + secret);
  return base64url(bytes).slice(Math.ceil((before * 4) / 3), Math.floor((bytes.length * 4) / 3));
}
