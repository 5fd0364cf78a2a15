import { like } from "#core/x/engagements";
import { engagement } from "./engagement.ts";

/** Like a tweet. Self-serve plans of X do not allow it; its refusal is given back. */
export const likeCreate = engagement({
  name: "like.create",
  lane: "likes",
  scope: "like.write",
  tweet: "The tweet to like.",
  price: "interaction",
  act: like,
  flag: "liked",
  wanted: true,
});
