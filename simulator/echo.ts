import type { PostRequest, ShortUrl } from "./entities.ts";
import { randomText } from "./sim.ts";
import { longest, urlsIn, weightedLength } from "./text.ts";

/** A text as X gives it back: URLs shortened, a link to attached media at its end, long posts cut. */
export type Echo = { text: string; note: string | null; urls: ShortUrl[] };

/** What X makes of the text of a post. `username` and `id` name the page that a media link leads to. */
export function echoOf(
  request: PostRequest,
  username: string,
  id: string,
  escaped: boolean,
  random: () => number,
): Echo {
  const source = request.text ?? "";
  const show = escaped ? escape : (text: string) => text;
  const short = () => `https://t.co/${randomText(random, 10)}`;
  const urls: ShortUrl[] = [];
  let text = "";
  let at = 0;
  const link = (expanded: string) => {
    const url = short();
    const start = Array.from(text).length;
    const expanded_url = /^https?:\/\//i.test(expanded) ? expanded : `http://${expanded}`;
    const display = expanded_url.replace(/^https?:\/\/(www\.)?/i, "");
    const display_url = display.length > 27 ? `${display.slice(0, 26)}…` : display;
    urls.push({ start, end: start + url.length, url, expanded_url, display_url });
    text += url;
  };
  for (const { start, end } of urlsIn(source)) {
    text += show(source.slice(at, start));
    link(source.slice(start, end));
    at = end;
  }
  text += show(source.slice(at));
  if (request.media) {
    if (text !== "") text += " ";
    link(`https://x.com/${username}/status/${id}/photo/1`);
  }
  if (weightedLength(source) <= longest.plain) return { text, note: null, urls };
  const whole = Array.from(text);
  const end = 278 - 1 - 24;
  const cut = `${whole.slice(0, end).join("")}… ${short()}`;
  return { text: cut, note: text, urls: urls.filter((url) => url.end <= end) };
}

const escape = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
