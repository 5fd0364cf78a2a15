import { createKinds } from "../registry.ts";
import { bookmarkCreate } from "./bookmark-create.ts";
import { bookmarkDelete } from "./bookmark-delete.ts";
import { likeCreate } from "./like-create.ts";
import { likeDelete } from "./like-delete.ts";
import { mediaUpload } from "./media-upload.ts";
import { retweetCreate } from "./retweet-create.ts";
import { retweetDelete } from "./retweet-delete.ts";
import { threadCreate } from "./thread-create.ts";
import { tokenRefresh } from "./token-refresh.ts";
import { tweetCreate } from "./tweet-create.ts";
import { tweetDelete } from "./tweet-delete.ts";
import { webhookDeliver } from "./webhook-deliver.ts";

/** Every kind of job that X is asked for. A new kind is its file and its line here. */
export const kinds = [
  tweetCreate,
  threadCreate,
  tweetDelete,
  retweetCreate,
  retweetDelete,
  likeCreate,
  likeDelete,
  bookmarkCreate,
  bookmarkDelete,
  tokenRefresh,
  mediaUpload,
] as const;

/** The list as the engine takes it: `run` is given params that the kind's own schema has read, so one type fits all. */
export const allKinds = createKinds([...kinds, webhookDeliver]);
