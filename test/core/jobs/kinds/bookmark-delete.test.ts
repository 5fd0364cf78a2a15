import { bookmarkDelete } from "#core/jobs/kinds/bookmark-delete";
import { promisesOfTakingBack } from "../../../support/engagements.ts";

promisesOfTakingBack({ takeBack: bookmarkDelete, lane: "bookmarks", flag: "bookmarked" });
