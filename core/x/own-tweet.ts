import { z } from "zod";
import { xId } from "./tweet-body.ts";

/** A t.co link of a text: what stands in the text, and what it may have been before X shortened it. */
export type Link = { url: string; meanings: string[]; media: boolean };

/** A tweet of the account as X shows it, in one vocabulary. */
export type OwnTweet = {
  id: string;
  /** The whole text where X gave it, with its t.co links and HTML entities. */
  text: string;
  /** Whether the whole text stood in a note: without one, a long text may be cut. */
  noted: boolean;
  links: Link[];
  media_keys: string[];
  /** The options, or null without a poll; empty when X did not tell them. */
  poll: string[] | null;
  replied_to: string | null;
  quoted: string | null;
  retweeted: boolean;
  /** All versions, the oldest first, as far as X tells them. */
  edits: string[];
};

// X leaves out what is empty, and its document lets most of it be null. A wrong type makes the page unreadable: what is
// taken for absent here would count as a difference later, and a tweet would be posted twice.
const text = z.string().nullish();
const entities = z
  .object({
    urls: z
      .array(
        z.object({ url: text, expanded_url: text, unwound_url: text, display_url: text, media_key: text }),
      )
      .nullish(),
  })
  .nullish();
const note = z.object({ text: z.string(), entities }).nullish();
const references = z.array(z.object({ type: z.string(), id: xId })).nullish();
const versions = z.array(z.string()).nullish();

const post = z.object({
  id: xId,
  text: z.string(),
  author_id: xId,
  entities,
  note_tweet: note,
  note_post: note,
  attachments: z
    .object({ media_keys: z.array(z.string()).nullish(), poll_ids: z.array(z.string()).nullish() })
    .nullish(),
  referenced_tweets: references,
  referenced_posts: references,
  edit_history_tweet_ids: versions,
  edit_history_post_ids: versions,
});

const option = z.object({ label: z.string(), position: z.number().nullish() });
const poll = z.object({ id: z.string(), options: z.array(option).nullish() });

const wire = z.object({
  data: z.array(post).nullish(),
  includes: z.object({ polls: z.array(poll).nullish() }).nullish(),
  errors: z.array(z.unknown()).nullish(),
  meta: z.object({ result_count: z.number(), next_token: text }),
});

type Entities = z.output<typeof entities>;
type Post = z.output<typeof post>;
type Poll = z.output<typeof poll>;
export type Page = { posts: Post[]; polls: Poll[]; next_token: string | undefined };

/**
 * A page of the tweets of `user_id`, or undefined when it is not surely whole: it cannot be read, names errors, or holds
 * more or less than it says. X ignores names of fields it does not know, without a word; the author, who was asked
 * for, proves that it knew these.
 */
export function readPage(json: unknown, user_id: string): Page | undefined {
  const { data: page } = wire.safeParse(json);
  if (!page || (page.errors ?? []).length > 0) return undefined;
  const posts = page.data ?? [];
  const whole = posts.length === page.meta.result_count;
  const own = posts.every(({ author_id }) => author_id === user_id);
  if (!whole || !own) return undefined;
  return { posts, polls: page.includes?.polls ?? [], next_token: page.meta.next_token ?? undefined };
}

/** A post as X sent it, and the polls beside it, as the matcher reads it. */
export function ownTweet(post: Post, polls: Poll[]): OwnTweet {
  const { attachments } = post;
  const note = post.note_tweet ?? post.note_post;
  const references = post.referenced_tweets ?? post.referenced_posts ?? [];
  const edits = post.edit_history_tweet_ids ?? post.edit_history_post_ids ?? [];
  const idOf = (type: string) => references.find((one) => one.type === type)?.id ?? null;
  return {
    id: post.id,
    text: note?.text ?? post.text,
    noted: note !== undefined && note !== null,
    links: [...linksOf(note?.entities), ...linksOf(post.entities)],
    media_keys: attachments?.media_keys ?? [],
    poll: pollOf(attachments?.poll_ids ?? [], polls),
    replied_to: idOf("replied_to"),
    quoted: idOf("quoted"),
    retweeted: idOf("retweeted") !== null,
    // One empty text was seen in place of an id.
    edits: edits.filter((id) => xId.safeParse(id).success),
  };
}

function linksOf(entities: Entities): Link[] {
  return (entities?.urls ?? []).flatMap(({ url, expanded_url, unwound_url, display_url, media_key }) => {
    const meanings = [expanded_url, unwound_url, display_url].filter((one) => typeof one === "string");
    return typeof url === "string" ? [{ url, meanings, media: typeof media_key === "string" }] : [];
  });
}

function pollOf([id]: string[], polls: Poll[]): string[] | null {
  if (id === undefined) return null;
  const options = polls.find((poll) => poll.id === id)?.options ?? [];
  return options.toSorted((a, b) => (a.position ?? 0) - (b.position ?? 0)).map(({ label }) => label);
}
