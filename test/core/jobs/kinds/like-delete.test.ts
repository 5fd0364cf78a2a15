import { likeDelete } from "#core/jobs/kinds/like-delete";
import { promisesOfTakingBack } from "../../../support/engagements.ts";

promisesOfTakingBack({ takeBack: likeDelete, lane: "likes", flag: "liked" });
