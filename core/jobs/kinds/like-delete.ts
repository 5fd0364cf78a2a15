import { unlike } from "#core/x/engagements";
import { engagement } from "./engagement.ts";

/** Take a like back. */
export const likeDelete = engagement({
  name: "like.delete",
  lane: "likes",
  scope: "like.write",
  tweet: "The tweet that is not to be liked any more.",
  price: "interaction_deleted",
  act: unlike,
  flag: "liked",
  wanted: false,
});
