import type { ShortUrl } from "./entities.ts";

/**
 * The entities X finds in a text, or undefined when there are none; positions count its code points. Of `urls` those that
 * stand in it: the text of a long post is cut.
 */
export function entitiesOf(text: string, urls: ShortUrl[]): Record<string, unknown> | undefined {
  const points = Array.from(text);
  const standing = urls.filter(({ start, end, url }) => points.slice(start, end).join("") === url);
  const entities = {
    ...some("urls", standing),
    ...some("mentions", marks(text, /(?<![\w@])@(\w{1,15})\b/g, "username")),
    ...some("hashtags", marks(text, /(?<![\p{L}\p{N}_&#])#(\p{L}[\p{L}\p{N}_]*)/gu, "tag")),
    ...some("cashtags", marks(text, /(?<![\w$])\$([A-Za-z]{1,6})\b/g, "tag")),
  };
  return Object.keys(entities).length > 0 ? entities : undefined;
}

/** The lower-case user names a text mentions. */
export function mentionsIn(text: string): string[] {
  return Array.from(text.matchAll(/(?<![\w@])@(\w{1,15})\b/g), ([, name]) => (name ?? "").toLowerCase());
}

const some = (name: string, list: unknown[]) => (list.length > 0 ? { [name]: list } : {});

function marks(text: string, pattern: RegExp, name: string) {
  return Array.from(text.matchAll(pattern), ({ index, 0: whole, 1: inner }) => {
    const start = Array.from(text.slice(0, index)).length;
    return { start, end: start + Array.from(whole).length, [name]: inner ?? "" };
  });
}
