import { bookmark } from "#core/x/engagements";
import { engagement } from "./engagement.ts";

/** Bookmark a tweet. */
export const bookmarkCreate = engagement({
  name: "bookmark.create",
  lane: "bookmarks",
  scope: "bookmark.write",
  tweet: "The tweet to bookmark.",
  price: "bookmark",
  act: bookmark,
  flag: "bookmarked",
  wanted: true,
});
