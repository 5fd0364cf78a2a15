import type { XClient } from "./client.ts";
import { endpoints } from "./endpoints.ts";
import { type OwnTweet, ownTweet, type Page, readPage } from "./own-tweet.ts";
import { isNewer, snowflakeFloor, snowflakeTime } from "./snowflake.ts";

/** The least X allows. X bills every tweet it returns, and after an attempt its lane stands still: few are newer. */
const PAGE_SIZE = 5;
/** 200 tweets. Who posts more than that past us in the minutes of a look must resolve by hand. */
const MAX_PAGES = 40;

/**
 * The legacy vocabulary, for in it author and references are fields; in the new one they come by expansions, with whole
 * tweets and users beside them. The expansion of polls has one name in both.
 */
const WANTED = {
  max_results: PAGE_SIZE,
  "tweet.fields": "attachments,author_id,edit_history_tweet_ids,entities,note_tweet,referenced_tweets",
  expansions: "attachments.poll_ids",
  "poll.fields": "options",
};

export type Window = {
  /** X's id of the account, whose token `x` speaks with. */
  user_id: string;
  /** Epoch ms on X's clock: how far back, and up to when. */
  from: number;
  to?: number | undefined;
};

export type OwnTweets = {
  /** Newest first. */
  tweets: OwnTweet[];
  /** Tweets that X returned, which is what X bills; of those older than `from` too. */
  reads: number;
  /** Requests, which is what X's window counts. */
  calls: number;
  /** False when the end was not reached within the bound: what is not among `tweets` may exist for all that. */
  complete: boolean;
};

/**
 * What the account posted from `from` on. It is paged back until a tweet is older, or the list ends.
 *
 * Throws `Refusal` on any page that is not whole: a refusal of X, `errors` beside or instead of the data, or one that
 * cannot be read. Such a look says nothing, and whatever the refusal's outcome is (`fail` too, for a read that X
 * forbids), it is about the look and not about the tweet that was looked for.
 */
export async function ownTweets(x: XClient, { user_id, from, to }: Window): Promise<OwnTweets> {
  const tweets: OwnTweet[] = [];
  const until_id = to === undefined ? undefined : snowflakeFloor(to + 1);
  let reads = 0;
  let pagination_token: string | undefined;
  for (let calls = 1; calls <= MAX_PAGES; calls++) {
    const page: Page = await x.call(endpoints.userTweets, {
      params: { id: user_id },
      query: { ...WANTED, until_id, pagination_token },
      expect: (json) => readPage(json, user_id),
    });
    reads += page.posts.length;
    const young = page.posts.filter(({ id }) => snowflakeTime(id) >= from);
    tweets.push(...young.map((post) => ownTweet(post, page.polls)));
    // A page may be short or empty and yet not be the last: X takes out what must not be shown.
    pagination_token = page.next_token;
    if (young.length < page.posts.length || pagination_token === undefined)
      return { tweets: newestFirst(tweets), reads, calls, complete: true };
  }
  return { tweets: newestFirst(tweets), reads, calls: MAX_PAGES, complete: false };
}

const newestFirst = (tweets: OwnTweet[]) => tweets.sort((a, b) => (isNewer(a.id, b.id) ? -1 : 1));
