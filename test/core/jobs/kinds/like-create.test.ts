import { likeCreate } from "#core/jobs/kinds/like-create";
import { likeDelete } from "#core/jobs/kinds/like-delete";
import { promisesOfMaking } from "../../../support/engagements.ts";

promisesOfMaking({ make: likeCreate, takeBack: likeDelete, lane: "likes", flag: "liked" });
