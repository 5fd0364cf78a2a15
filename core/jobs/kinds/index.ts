import { createKinds } from "../registry.ts";
import { tokenRefresh } from "./token-refresh.ts";
import { tweetCreate } from "./tweet-create.ts";
import { tweetDelete } from "./tweet-delete.ts";

/** Every kind of job. A new kind is its file and its line here. */
export const kinds = [tweetCreate, tweetDelete, tokenRefresh] as const;

/** The list as the engine takes it: `run` is given params that the kind's own schema has read, so one type fits all. */
export const allKinds = createKinds(kinds);
