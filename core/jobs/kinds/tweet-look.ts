import { done, unseen, type Outcome } from "#core/lib/outcome";
import type { XClient } from "#core/x/client";
import { ownTweets, type OwnTweets } from "#core/x/timelines";
import type { TweetBody } from "#core/x/tweet-body";
import type { Sent } from "../define.ts";
import { findDoubtful, findOurs, isListed, lookFrom, type Sent as Known } from "./tweet-match.ts";

/** X's clock is known once it has answered; until then we look back further by as much as clocks may differ. */
const CLOCKS_DIFFER_MS = 60_000;

/**
 * Look for a tweet that X may have taken among the account's own. It is found, or not: and then it may be posted once more
 * only if the look was whole, nothing in it might be ours, and the tweet would surely be listed.
 */
export async function lookFor(x: XClient, body: TweetBody, sent: Sent): Promise<Outcome> {
  const { tweets, reads, complete } = await read(x, body, sent);
  const began_at = sent.at + sent.skew_ms();
  const known: Known = { body, began_at, newest_id: sent.newest_id, taken: new Set() };
  const mightBe = findOurs(known, tweets) !== null || findDoubtful(known, tweets).length > 0;
  // Asked only when there is something to tell apart: it reads the client's jobs.
  if (mightBe) known.taken = await sent.taken(tweets.flatMap(({ id, edits }) => [id, ...edits]));
  const ours = findOurs(known, tweets);
  if (ours) sent.found(body);
  if (ours) return done({ tweet_id: ours.id, url: urlOf(ours.id) }, { newest: ours.id });
  const repost = isListed(body) && findDoubtful(known, tweets).length === 0;
  return unseen({ reads, complete, repost });
}

/** Where a tweet can be read. */
export const urlOf = (id: string): string => `https://x.com/i/web/status/${id}`;

/** The account's tweets since the attempt; once more if X's clock turns out to be further behind than was looked back. */
async function read(x: XClient, body: TweetBody, sent: Sent): Promise<OwnTweets> {
  const from = (skew_ms: number) => lookFrom({ body, began_at: sent.at + skew_ms });
  const first = from(0) - CLOCKS_DIFFER_MS;
  const look = await ownTweets(x, { user_id: sent.x_user_id, from: first });
  if (from(sent.skew_ms()) >= first) return look;
  const again = await ownTweets(x, { user_id: sent.x_user_id, from: from(sent.skew_ms()) });
  return { ...again, reads: look.reads + again.reads };
}
