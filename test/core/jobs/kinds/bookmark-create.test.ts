import { bookmarkCreate } from "#core/jobs/kinds/bookmark-create";
import { bookmarkDelete } from "#core/jobs/kinds/bookmark-delete";
import { promisesOfMaking } from "../../../support/engagements.ts";

promisesOfMaking({ make: bookmarkCreate, takeBack: bookmarkDelete, lane: "bookmarks", flag: "bookmarked" });
