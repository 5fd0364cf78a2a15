import { mentionsIn } from "./entities-of.ts";
import type { PostRequest, ShortUrl } from "./entities.ts";
import type { Settings } from "./settings.ts";
import { randomText } from "./sim.ts";
import { longest, urlsIn, weightedLength } from "./text.ts";

/** A text as X gives it back: URLs shortened, links to what is attached at its end, long posts cut. */
export type Echo = { text: string; note: string | null; urls: ShortUrl[] };

/** What X knows of a post beside its text. */
export type Around = {
  /** Where the post will stand, without the host: `ada/status/7`. */
  page: string;
  media: { media_key: string; category: string }[];
  /** Where the quoted post stands. */
  quoted: string | null;
  /** Who is answered, when it is somebody else. */
  answered: string | null;
};

// Of a long post `text` has this many characters, and a link to the rest behind them.
const cut_at = 253;

/**
 * What X makes of the text of a post. The places of `urls` count code points of the whole text, which is the note of a
 * long post. X's page "Tweet updates" has the links to media and to the quoted post.
 */
export function echoOf(request: PostRequest, around: Around, settings: Settings, random: () => number): Echo {
  const source = sourceOf(request, around, settings);
  const show = settings.escape_text ? escape : (text: string) => text;
  const short = () => `https://t.co/${randomText(random, 10)}`;
  const urls: ShortUrl[] = [];
  let text = "";
  let at = 0;
  const link = (expanded: string, more: Partial<ShortUrl>[] = [{}]) => {
    const url = short();
    const start = Array.from(text).length;
    const expanded_url = /^https?:\/\//i.test(expanded) ? expanded : `http://${expanded}`;
    const display = expanded_url.replace(/^https?:\/\/(www\.)?/i, "");
    const display_url = display.length > 27 ? `${display.slice(0, 26)}…` : display;
    for (const one of more)
      urls.push({ start, end: start + url.length, url, expanded_url, display_url, ...one });
    text += url;
  };
  const append = (expanded: string, more?: Partial<ShortUrl>[]) => {
    if (text !== "") text += " ";
    link(expanded, more);
  };
  for (const { start, end } of urlsIn(source)) {
    text += show(source.slice(at, start));
    link(source.slice(start, end));
    at = end;
  }
  text += show(source.slice(at));
  if (around.quoted !== null) append(`https://x.com/${around.quoted}`);
  const [first] = around.media;
  if (first) {
    const kind = first.category.endsWith("image") ? "photo" : "video";
    // One link leads to all of them, and is named once for each.
    const keys = around.media.map(({ media_key }) => ({ media_key }));
    append(`https://x.com/${around.page}/${kind}/1`, keys);
  }
  if (weightedLength(source) <= longest.plain) return { text, note: null, urls };
  const cut = Array.from(text).slice(0, cut_at).join("");
  return { text: `${cut}… ${short()}`, note: text, urls };
}

// X counts composed characters; that it also keeps them so, with single line feeds and bare ends, is observers' word.
function sourceOf({ text = "" }: PostRequest, { answered }: Around, settings: Settings): string {
  const tidy = settings.tidy_text ? text.normalize("NFC").replace(/\r\n?/g, "\n").trim() : text;
  const named = answered === null || !settings.reply_mentions || mentionsIn(tidy).includes(answered);
  return named ? tidy : `@${answered} ${tidy}`.trimEnd();
}

const escape = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
