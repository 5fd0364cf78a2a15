import { retweetDelete } from "#core/jobs/kinds/retweet-delete";
import { promisesOfTakingBack } from "../../../support/engagements.ts";

promisesOfTakingBack({ takeBack: retweetDelete, lane: "retweets", flag: "retweeted" });
