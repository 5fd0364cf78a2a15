import { retweetCreate } from "#core/jobs/kinds/retweet-create";
import { retweetDelete } from "#core/jobs/kinds/retweet-delete";
import { promisesOfMaking } from "../../../support/engagements.ts";

promisesOfMaking({ make: retweetCreate, takeBack: retweetDelete, lane: "retweets", flag: "retweeted" });
