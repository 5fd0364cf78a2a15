import type { Link, OwnTweet } from "#core/x/own-tweet";
import { likeness, type Likeness } from "#core/x/shown-text";
import { isNewer, snowflakeTime } from "#core/x/snowflake";
import type { TweetBody } from "#core/x/tweet-body";

/**
 * Is one of these tweets ours? X gave no clear answer to a tweet that was sent, and what the account shows now decides.
 *
 * Two mistakes are possible. To claim another's tweet is to lose ours: the job succeeds, and nobody posts it. To miss ours
 * is to post it twice. So there are three verdicts. A tweet is ours when all that was sent is found in it, another's
 * when something in it cannot have come of what was sent, and in doubt between the two: then it is not claimed, and
 * nothing is posted beside it until somebody decides.
 *
 * Others are kept away by where a tweet stands more than by what it says: it is younger than the attempt, above the newest
 * known before it, and no other job's result. What is left was posted by hand in those minutes. So where
 * X may have changed a thing (a text), it is compared generously; where it cannot (whom it answers), exactly. What is
 * missing counts as not there, for a page whose fields X could not fill says so and was not taken for a look.
 */
export type Sent = {
  /** As X was sent it. */
  body: TweetBody;
  /** When the first attempt that has no clear answer began: epoch ms on X's clock. */
  began_at: number;
  /** The newest tweet of the account that was known then. */
  newest_id: string | null;
  /** Tweets that are other jobs' results. */
  taken: ReadonlySet<string>;
};

/** X's `Date` has whole seconds, and its machines have clocks of their own. */
const SLACK_MS = 2000;

/** How far back to read, in epoch ms on X's clock. An edit may stand where the tweet stands that it changes. */
export function lookFrom({ body, began_at }: Pick<Sent, "body" | "began_at">): number {
  const before = body.edit_options?.previous_post_id;
  const start = began_at - SLACK_MS;
  return before === undefined ? start : Math.min(start, snowflakeTime(before));
}

/** Whether the account's timeline surely shows the tweet. Where it may not, an empty look says nothing. */
export const isListed = ({ nullcast, community_id, for_super_followers_only }: TweetBody): boolean =>
  !nullcast && community_id === undefined && !for_super_followers_only;

/**
 * The tweet that is ours, or null. Of several the oldest: X refuses a text that the account has just posted, so a second
 * one comes of a second attempt or of somebody who saw ours missing, and the first is the one that readers met. Later
 * looks can only add younger ones, so they find the same.
 */
export const findOurs = (sent: Sent, tweets: readonly OwnTweet[]): OwnTweet | null =>
  judged(sent, tweets, "same").reduce<OwnTweet | null>(
    (oldest, tweet) => (oldest && isNewer(tweet.id, oldest.id) ? oldest : tweet),
    null,
  );

/** Tweets that may be ours. While there are such and none that is, nobody knows that X did not act. */
export const findDoubtful = (sent: Sent, tweets: readonly OwnTweet[]): OwnTweet[] =>
  judged(sent, tweets, "unclear");

const judged = (sent: Sent, tweets: readonly OwnTweet[], verdict: Likeness): OwnTweet[] =>
  tweets.filter((tweet) => isCandidate(sent, tweet) && judge(sent.body, tweet) === verdict);

/** Whether a tweet can have come of the attempt, whatever is in it. */
function isCandidate({ body, began_at, newest_id, taken }: Sent, tweet: OwnTweet): boolean {
  // Somebody may have edited a tweet since: what made it is what made its first version.
  const versions = body.edit_options || tweet.edits.length === 0 ? [tweet.id] : [...tweet.edits, tweet.id];
  const [made = tweet.id] = versions;
  if (tweet.retweeted || versions.some((id) => taken.has(id))) return false;
  return snowflakeTime(made) >= began_at - SLACK_MS && (newest_id === null || isNewer(made, newest_id));
}

function judge(body: TweetBody, tweet: OwnTweet): Likeness {
  // An edit keeps what it does not change, and is known by what it edits.
  const fixed = body.edit_options
    ? [history(body.edit_options.previous_post_id, tweet)]
    : [target(body, tweet), quote(body, tweet), media(body, tweet), poll(body, tweet)];
  const said = text(body, tweet);
  if (fixed.includes("other")) return "other";
  // The very files that were sent, or a tweet that was edited since, with another text.
  if (said === "other") return body.media !== undefined || wasEdited(body, tweet) ? "unclear" : "other";
  return fixed.includes("unclear") || said === "unclear" || isBare(body) ? "unclear" : "same";
}

const sameIf = (condition: boolean): Likeness => (condition ? "same" : "other");

function history(previous_id: string, { edits }: OwnTweet): Likeness {
  if (edits.length < 2) return "unclear";
  return sameIf(edits.includes(previous_id));
}

const wasEdited = (body: TweetBody, { edits }: OwnTweet) =>
  body.edit_options === undefined && edits.length > 1;

const target = ({ reply }: TweetBody, { replied_to }: OwnTweet): Likeness =>
  sameIf((reply?.in_reply_to_tweet_id ?? null) === replied_to);

/** A link to a tweet in the text makes X quote it. */
function quote({ quote_tweet_id, text }: TweetBody, { quoted }: OwnTweet): Likeness {
  if (quote_tweet_id === undefined && quoted !== null) return sameIf(leadsTo(text, quoted));
  return sameIf((quote_tweet_id ?? null) === quoted);
}

/** X's media keys are `<kind>_<media id>`. Should they not be so one day, as many are the same. */
function media({ media, text }: TweetBody, { media_keys }: OwnTweet): Likeness {
  const ids = new Set(media?.media_ids);
  const shown = new Set(media_keys.map((key) => /^\d+_(\d+)$/.exec(key)?.[1]));
  // A link to the photo or video of a tweet in the text makes X attach it.
  if (!media) return sameIf(media_keys.length === 0 || /\/status\/\d+\/(photo|video)\//.test(text));
  if (!shown.has(undefined)) return sameIf(ids.size === shown.size && [...ids].every((id) => shown.has(id)));
  if (ids.size !== media_keys.length) return "other";
  return text.trim() === "" ? "unclear" : "same";
}

function poll({ poll }: TweetBody, tweet: OwnTweet): Likeness {
  if (!poll || !tweet.poll) return sameIf(!poll === !tweet.poll);
  if (tweet.poll.length === 0) return "unclear";
  const options = tweet.poll.map((text, index) =>
    likeness(poll.options[index] ?? "", { text, links: [], noted: true }, PLAIN),
  );
  if (options.length !== poll.options.length || options.includes("other")) return "other";
  return options.includes("unclear") ? "unclear" : "same";
}

const PLAIN = { reply: false, appended: () => false };

function text(body: TweetBody, tweet: OwnTweet): Likeness {
  const { media, poll, quote_tweet_id, card_uri, direct_message_deep_link, reply } = body;
  const things = [media, poll, quote_tweet_id, card_uri, direct_message_deep_link];
  const hasThing = things.some((thing) => thing !== undefined);
  const pages = [tweet.id, ...tweet.edits, tweet.quoted].filter((id) => id !== null);
  // The sender cannot have linked to the tweet itself: it had no id yet.
  const appended = (link: Link) =>
    hasThing &&
    (link.media ||
      link.meanings.length === 0 ||
      link.meanings.some((to) => to === direct_message_deep_link || pages.some((id) => leadsTo(to, id))));
  return likeness(body.text, tweet, { reply: reply !== undefined, appended });
}

const leadsTo = (text: string, id: string): boolean => new RegExp(`/status(es)?/${id}(?!\\d)`).test(text);

/** Nothing but a card or a deep link, which a timeline does not tell. */
const isBare = ({ text, media, poll, quote_tweet_id }: TweetBody): boolean =>
  text.trim() === "" && !media && !poll && quote_tweet_id === undefined;
