import { env } from "cloudflare:workers";
import { gatesOf } from "#core/jobs/define";
import type { Order } from "#core/jobs/enqueue";
import { threadCreate } from "#core/jobs/kinds/thread-create";
import { EXPIRES_AFTER_MS } from "#core/jobs/limits";
import * as editJobs from "#core/store/edit-jobs";
import * as gates from "#core/store/gates";
import * as jobs from "#core/store/jobs";
import type { JobRow } from "#core/store/jobs";
import * as lanes from "#core/store/lanes";
import type { FaultRule } from "../../simulator/simulator.ts";
import { meetX } from "./refreshing.ts";

export const SAID = ["one", "two", "three", "four", "five"];

type OnPartial = "resume" | "hold" | "delete";

/** A thread of some tweets about to be posted to the simulated X, and what is to be seen of it. */
export async function threading(said: readonly string[] = SAID) {
  const met = await meetX();
  const { h, x, user, account } = met;
  const books = () => x.tweets(user.id).filter(({ deleted }) => !deleted);
  const result = ({ result }: Pick<JobRow, "result">) =>
    JSON.parse(result ?? "null") as {
      tweet_ids: string[];
      url: string | null;
      deleted_ids?: string[];
    } | null;
  return {
    ...met,
    post: ({ on_partial = "resume", ...more }: { on_partial?: OnPartial } & Partial<Order> = {}) =>
      h.post(account, "", {
        kind: threadCreate,
        params: {
          account_id: account,
          tweets: said.map((text) => ({ text })),
          on_partial,
        },
        ...more,
      }),
    requestCancel: (id: string) => jobs.requestCancel(env.DB, h.clientId, id).run(),
    /** As `PATCH /v1/jobs/{id}` does with what a failed thread has yet to post. */
    amend: async (id: string, texts: readonly string[]) => {
      const { client_id, sequence, params: before } = await h.job(id);
      const tweets = texts.map((text) => ({ text }));
      const params = JSON.stringify({ ...(JSON.parse(before) as object), tweets });
      await editJobs
        .amend(env.DB, { client_id, id, sequence, params, metadata: undefined, cost: null })
        .run();
    },
    /** As `POST /v1/jobs/{id}/retry` does. */
    retry: async (id: string) => {
      const client_id = h.clientId;
      await env.DB.batch([
        jobs.redrive(env.DB, h.now(), client_id, [id], EXPIRES_AFTER_MS),
        gates.release(env.DB, client_id, [id]),
        lanes.schedule(env.DB, h.now(), [{ client_id, id, gates: gatesOf(threadCreate) }]),
      ]);
      h.messages.push({ lane: `tweets:${account}`, at: h.now() });
    },
    /** Something happens when X is sent the tweet of that text. */
    fault: (text: string, fault: FaultRule["fault"], times = 1) => {
      x.setFaults([{ match: { method: "POST", path: "^/2/tweets$", text }, times, fault }]);
    },
    result,
    /** The texts that stand at X, in the order in which they were made. */
    standing: () => books().map(({ text }) => text),
    /** How often X was made to post each text, whether it stands or not. */
    made: () => x.tweets(user.id).map(({ text }) => text),
    /** Whether each of the first so many tweets that stand at X replies to the one before, as the result has them. */
    isChain: (job: Pick<JobRow, "result">) => {
      const posts = books();
      const ids = result(job)?.tweet_ids ?? [];
      return ids.every(
        (id, index) =>
          posts[index]?.id === id && posts[index].request.reply?.in_reply_to_tweet_id === ids[index - 1],
      );
    },
  };
}

/** X's no to a tweet, for good. */
export const NO: FaultRule["fault"] = { kind: "error", status: 403, when: "before" };
