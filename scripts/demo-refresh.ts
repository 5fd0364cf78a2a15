import { ask } from "./api.ts";
import { pollHome, postTweet, type Caller, type Job } from "./jobs.ts";
import type { Expected } from "./verify.ts";

const TWEETS = 20;
const HOME_MS = 60_000;

type Grants = { grants: { user_id: string; refreshes: number; revoked: boolean }[] };

/** What came of it: the tweets that should stand at X, and how often X was asked to refresh. */
export type Refreshed = { done: (Expected & { job: Job })[]; refreshes: number };

/** X does not take an account's access token any more while tweets of it are due: the one refresh, and then all of them. */
export async function postThroughRefresh(
  caller: Caller,
  simulatorUrl: string,
  account: { id: string; user_id: string },
): Promise<Refreshed> {
  await ask(`${simulatorUrl}/_sim/access-tokens/expire`, { body: { user_id: account.user_id } });
  const taken: (Expected & { job: Job })[] = [];
  for (let number = 1; number <= TWEETS; number++) {
    const text = `Number ${number} after the token expired`;
    const job = await postTweet(caller, account.id, text);
    taken.push({ user_id: account.user_id, text, deleted: false, job });
  }
  const jobs = await pollHome(
    caller,
    taken.map(({ job }) => job.id),
    HOME_MS,
  );
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const { grants } = await ask<Grants>(`${simulatorUrl}/_sim/grants`);
  return {
    done: taken.map((one) => ({ ...one, job: byId.get(one.job.id) ?? one.job })),
    refreshes: grants.find((grant) => grant.user_id === account.user_id)?.refreshes ?? 0,
  };
}
