import { threadCreate } from "#core/jobs/kinds/thread-create";
import { accept, accepted } from "./accept.ts";
import { bodyOf, readOrder } from "./order.ts";
import { defineRoute } from "./route.ts";
import { anyObject } from "./tweets.ts";

/** POST /v1/threads: shorthand for a `thread.create` job. */
export const postThread = defineRoute({
  method: "POST",
  path: "/v1/threads",
  summary: "Post a thread of 2 to 100 tweets",
  scope: "jobs:write",
  body: anyObject,
  shown: bodyOf(threadCreate),
  example: threadCreate.example,
  answers: accepted,
  handle: (call) => accept(call, (now) => readOrder(threadCreate, call.body, now, "top")),
});
