import type { Link, OwnTweet } from "./own-tweet.ts";

/** `unclear`: neither surely the same nor surely another. */
export type Likeness = "same" | "unclear" | "other";

export type Context = {
  /** X may have put mentions before the text of a reply. */
  reply: boolean;
  /** Whether X may have put this link behind the text, for what is attached. */
  appended: (link: Link) => boolean;
};

type Shown = Pick<OwnTweet, "text" | "links" | "noted">;

/** A run without white space: `links` stand between the `parts` around them, and in `plain` as X tells what they were. */
type Word = { parts: string[]; links: Link[]; plain: string };

/**
 * Whether X shows the text that was sent as this one. What reads the same is the same: how white space is written, composed
 * or not, HTML entities, t.co links, and marks that nobody sees do not count. Text that differs in less than
 * a reader would call another text, or in links alone whose meaning X did not tell, is unclear.
 */
export function likeness(sent: string, shown: Shown, context: Context): Likeness {
  const ours = wordsOf(sent, []);
  let theirs = wordsOf(shown.text, shown.links);
  // With every appended link taken away, one after the other: the sender may have ended in such a link, too.
  let best = compare(ours, theirs, context);
  while (best !== "same") {
    const last = theirs.at(-1);
    if (!last || !isAppended(last, context)) break;
    theirs = theirs.slice(0, -1);
    best = better(best, compare(ours, theirs, context));
  }
  if (best === "other" && (blurred(ours) === blurred(theirs) || isCut(ours, theirs, shown))) return "unclear";
  return best;
}

// Two may stand side by side.
const LINK = /https?:\/\/t\.co\/(?:(?!https?:)[A-Za-z0-9])+/g;
/** Soft hyphen, zero-width space, direction marks, word joiner, byte order mark, variation selectors. */
const UNSEEN = /[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufe0e\ufe0f]/g;

function wordsOf(text: string, known: Link[]): Word[] {
  const links: Link[] = [];
  // Links first: an unseen mark may be all that parts one from the next word.
  const marked = text.replaceAll("\0", "").replace(LINK, (found) => {
    const url = known.find((link) => found.startsWith(link.url))?.url ?? found;
    const same = known.filter((link) => link.url === url);
    const media = same.some((link) => link.media);
    const index = links.push({ url, media, meanings: same.flatMap(({ meanings }) => meanings) }) - 1;
    return `\0${index}\0${found.slice(url.length)}`;
  });
  const words = marked.split(/\s+/).map((word) => {
    const pieces = word.split("\0");
    const parts = pieces.filter((_, index) => index % 2 === 0);
    const own = pieces.flatMap((piece, index) => (index % 2 === 1 ? (links[Number(piece)] ?? []) : []));
    const plain = parts.map((part, index) => part + (own[index] ? meaningOf(own[index]) : "")).join("");
    // Each by itself: where a link ends, an entity or a letter may begin that is written on both sides of it.
    return { parts: parts.map(fold), links: own, plain: fold(plain) };
  });
  return words.filter(({ plain }) => plain !== "");
}

const meaningOf = ({ meanings, url }: Link): string => meanings[0] ?? url;

/**
 * Decomposed and not composed as X counts: a composed letter could reach over the end of a link. X writes & < > as
 * entities, and it is not known what it does to entities that were sent: all are read, on both sides.
 */
const fold = (text: string) =>
  text
    .replace(UNSEEN, "")
    .normalize("NFD")
    .replace(/&(?:amp;)*(amp|lt|gt);/g, (_, name: keyof typeof MARKUP) => MARKUP[name]);
const MARKUP = { amp: "&", lt: "<", gt: ">" };

function compare(ours: Word[], theirs: Word[], { reply }: Context): Likeness {
  if (!reply) return worstOf(ours, theirs);
  const [named, said] = withoutMentions(ours);
  const [shownNames, shownSaid] = withoutMentions(theirs);
  const words = worstOf(said, shownSaid);
  // X adds names and was not seen to take any away.
  const kept = named.every((name) => shownNames.includes(name));
  return words === "same" && !kept ? "unclear" : words;
}

function worstOf(ours: Word[], theirs: Word[]): Likeness {
  if (ours.length !== theirs.length) return "other";
  let worst: Likeness = "same";
  for (const [index, word] of theirs.entries()) {
    const one = compareWord(ours[index]?.plain ?? "", word);
    if (one === "other") return "other";
    if (one === "unclear") worst = "unclear";
  }
  return worst;
}

function compareWord(ours: string, { parts, links, plain }: Word): Likeness {
  const [head = "", tail = ""] = [parts[0], parts.at(-1)];
  const [link] = links;
  if (ours === plain) return "same";
  if (!link) return "other";
  if (withoutSchemes(ours) === withoutSchemes(plain)) return "same";
  if (!ours.startsWith(head) || !ours.slice(head.length).endsWith(tail)) return "other";
  const middle = ours.slice(head.length, ours.length - tail.length);
  // Every link has a dot: what stands here is no link, and so not this one.
  if (!/[^.]\.[^.]/.test(middle)) return "other";
  const meanings = links.length === 1 ? [link.url, ...link.meanings].map(addressOf) : [];
  return meanings.includes(addressOf(middle)) ? "same" : "unclear";
}

/** What a link leads to, however it is written: X adds a scheme, and has two names itself. */
function addressOf(link: string): string {
  const bare = withoutSchemes(fold(link));
  const url = URL.parse(`http://${bare}`);
  if (url?.username !== "") return bare;
  const host = url.host.replace(/^(www|mobile)\./, "").replace(/^twitter\.com$/, "x.com");
  return decoded(host + url.pathname.replace(/\/$/, "") + url.search + url.hash);
}

const withoutSchemes = (text: string): string => text.replace(/https?:\/\//gi, "");

function decoded(address: string): string {
  try {
    return decodeURI(address).normalize("NFD");
  } catch {
    return address;
  }
}

const isAppended = ({ parts, links }: Word, { appended }: Context): boolean =>
  parts.every((part) => part === "") && links.length > 0 && links.every(appended);

function withoutMentions(words: Word[]): [names: string[], rest: Word[]] {
  const first = words.findIndex((word) => !/^@\w{1,15}$/.test(word.plain));
  const end = first < 0 ? words.length : first;
  return [words.slice(0, end).map(({ plain }) => plain.toLowerCase()), words.slice(end)];
}

const better = (one: Likeness, other: Likeness): Likeness =>
  one === "same" || other === "same"
    ? "same"
    : one === "unclear" || other === "unclear"
      ? "unclear"
      : "other";

const flat = (words: Word[]): string => withoutSchemes(words.map(({ plain }) => plain).join(" "));

/** What is left when every doubt is left out: case, width, accents, joiners and white space. */
const blurred = (words: Word[]): string =>
  flat(words)
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[\p{C}\p{M}\s]/gu, "");

/** X cuts a long text when it does not give the note; the 100 characters tell it from a short one that begins alike. */
function isCut(ours: Word[], theirs: Word[], { noted }: Shown): boolean {
  if (noted) return false;
  const [whole = "", words = ""] = [ours, theirs].map((one) => flat(one).toLowerCase());
  const start = words.replace(/…?(\s*t\.co\/\w+)?$/, "").trimEnd();
  return start.length >= 100 && whole.length > start.length && whole.startsWith(start);
}
