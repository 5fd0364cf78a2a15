// Counting as X documents it ("Counting characters", twitter-text configuration 3), written anew.

/** The weighted length a post may have. */
export const longest = { plain: 280, premium: 25_000 };
const url_weight = 23;
const emoji = /\p{RGI_Emoji}/gv;
// Country codes and the common generic domains; with a scheme, any domain that is not reserved counts.
const generic =
  "com|net|org|edu|gov|int|mil|info|biz|name|pro|mobi|app|dev|xyz|online|site|shop|store|blog|news|tech|cloud|art|live|club|space|website|world|life|today|agency|social|page|link|wiki|design|games|studio|media|email";
const country =
  "ac|ad|ae|af|ag|ai|al|am|ao|aq|ar|as|at|au|aw|ax|az|ba|bb|bd|be|bf|bg|bh|bi|bj|bm|bn|bo|br|bs|bt|bv|bw|by|bz|ca|cc|cd|cf|cg|ch|ci|ck|cl|cm|cn|co|cr|cu|cv|cw|cx|cy|cz|de|dj|dk|dm|do|dz|ec|ee|eg|er|es|et|eu|fi|fj|fk|fm|fo|fr|ga|gb|gd|ge|gf|gg|gh|gi|gl|gm|gn|gp|gq|gr|gs|gt|gu|gw|gy|hk|hm|hn|hr|ht|hu|id|ie|il|im|in|io|iq|ir|is|it|je|jm|jo|jp|ke|kg|kh|ki|km|kn|kp|kr|kw|ky|kz|la|lb|lc|li|lk|lr|ls|lt|lu|lv|ly|ma|mc|md|me|mg|mh|mk|ml|mm|mn|mo|mp|mq|mr|ms|mt|mu|mv|mw|mx|my|mz|na|nc|ne|nf|ng|ni|nl|no|np|nr|nu|nz|om|pa|pe|pf|pg|ph|pk|pl|pm|pn|pr|ps|pt|pw|py|qa|re|ro|rs|ru|rw|sa|sb|sc|sd|se|sg|sh|si|sj|sk|sl|sm|sn|so|sr|ss|st|su|sv|sx|sy|sz|tc|td|tf|tg|th|tj|tk|tl|tm|tn|to|tr|tt|tv|tw|tz|ua|ug|uk|us|uy|uz|va|vc|ve|vg|vi|vn|vu|wf|ws|ye|yt|za|zm|zw";
const label = "[\\p{L}\\p{N}](?:[\\p{L}\\p{N}_\\-]*[\\p{L}\\p{N}])?";
const path =
  "(?::\\d+)?(?:\\/[\\p{Script=Latin}\\p{Script=Cyrillic}0-9\\-._~!$&'\\(\\)*+,;=:@%\\/#\\[\\]\\|]*)?(?:\\?[^\\s]*)?";
const reserved = "(?!(?:localhost|local|internal|invalid|test|example)\\b)";
const url = new RegExp(
  `(?<![\\p{L}\\p{N}@#$._\\-\\/])(?:https?:\\/\\/(?:${label}\\.)+${reserved}\\p{L}{2,}(?![\\p{L}\\p{N}])${path}` +
    `|(?:${label}\\.)+(?:${generic}|${country})(?![\\p{L}\\p{N}@\\-])${path})`,
  "giu",
);
const trailing = /[.,;:!?'")\]]+$/u;

/** Where a URL stands in a text, in UTF-16 units. */
export type Span = { start: number; end: number };

/** The URLs X would shorten. */
export function urlsIn(text: string): Span[] {
  // Every URL has a dot; most posts have no URL, and this is the hot path.
  if (!text.includes(".")) return [];
  return Array.from(text.matchAll(url), ({ index, 0: found }) => {
    const closed = found.includes("(") ? found : found.replace(trailing, "");
    return { start: index, end: index + closed.length };
  });
}

/** The length X counts: 23 for a URL, 2 for an emoji, 1 or 2 for other characters, after NFC. */
export function weightedLength(text: string): number {
  const normal = text.normalize("NFC");
  let length = 0;
  let at = 0;
  for (const { start, end } of urlsIn(normal)) {
    length += weigh(normal.slice(at, start)) + url_weight;
    at = end;
  }
  return length + weigh(at === 0 ? normal : normal.slice(at));
}

function weigh(text: string): number {
  let emojis = 0;
  // No emoji sequence is plain ASCII alone, so most texts skip the search.
  const rest = /^[\0-\x7f]*$/.test(text) ? text : text.replace(emoji, () => ((emojis += 1), ""));
  let length = emojis * 2;
  for (const character of rest) length += weightOf(character.codePointAt(0) ?? 0);
  return length;
}

// The ranges of weight 100 in configuration 3; everything else is 200.
function weightOf(point: number): 1 | 2 {
  if (point <= 4351) return 1;
  if (point >= 8192 && point <= 8205) return 1;
  if (point >= 8208 && point <= 8223) return 1;
  return point >= 8242 && point <= 8247 ? 1 : 2;
}
