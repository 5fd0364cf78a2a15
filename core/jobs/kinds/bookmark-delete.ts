import { unbookmark } from "#core/x/engagements";
import { engagement } from "./engagement.ts";

/** Remove a bookmark. */
export const bookmarkDelete = engagement({
  name: "bookmark.delete",
  lane: "bookmarks",
  scope: "bookmark.write",
  tweet: "The tweet that is not to be bookmarked any more.",
  price: "bookmark",
  act: unbookmark,
  flag: "bookmarked",
  wanted: false,
});
