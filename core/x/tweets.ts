import { z } from "zod";
import type { XClient } from "./client.ts";
import { endpoints } from "./endpoints.ts";
import { type TweetBody, xId } from "./tweet-body.ts";

// Of X's 201 only `data.id` and `data.text` can be relied on; the rest changed its names in 2026.
const created = z.object({ data: z.object({ id: xId, text: z.string().optional() }) });
const deleted = z.object({ data: z.object({ deleted: z.boolean() }) });

/**
 * Create a tweet. `text` is as X shows it (links shortened, a link to media appended); should X leave it out,
 * it is the text that was sent, for the id alone proves the tweet. Throws `Refusal`.
 */
export async function createTweet(x: XClient, body: TweetBody): Promise<{ id: string; text: string }> {
  const { id, text } = await x.call(endpoints.createTweet, {
    body,
    expect: (json) => created.safeParse(json).data?.data,
  });
  return { id, text: text ?? body.text };
}

/** The same where X's no to its media is no end yet: then the tweet was surely not made. */
export async function createWithMedia(
  x: XClient,
  body: TweetBody,
): Promise<{ id: string } | "media_invalid"> {
  return x.call<{ id: string } | "media_invalid">(endpoints.createTweet, {
    body,
    expect: (json) => created.safeParse(json).data?.data,
    absent: "media_invalid",
    isAbsent: ({ status, detail }) => status === 400 && /media ids? (are|is) invalid/i.test(detail ?? ""),
  });
}

/** Delete a tweet. `deleted` is X's word; a tweet that is not there counts as deleted. Throws `Refusal`. */
export const deleteTweet = (x: XClient, id: string): Promise<{ deleted: boolean }> =>
  x.call(endpoints.deleteTweet, {
    params: { id },
    expect: (json) => deleted.safeParse(json).data?.data,
    absent: { deleted: true },
  });
