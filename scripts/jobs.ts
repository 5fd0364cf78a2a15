import { ask } from "./api.ts";
import { pause } from "./wait.ts";

/** What the scripts read of a job. */
export type Job = {
  id: string;
  state: string;
  account_id: string;
  attempts: number;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  next_attempt_at: string | null;
  result: { tweet_id: string } | null;
  error: unknown;
  log: { at: string; outcome: string }[];
};

/** Who calls which API. */
export type Caller = { url: string; key: string };

const ENDED = ["succeeded", "failed", "dead", "canceled"];
const PAGE = 100;
const POLL_MS = 250;

export const hasEnded = (job: Job): boolean => ENDED.includes(job.state);

export const postTweet = (
  { url, key }: Caller,
  account_id: string,
  text: string,
  more: Record<string, unknown> = {},
): Promise<Job> => ask<Job>(`${url}/v1/tweets`, { key, body: { account_id, text, ...more } });

export const deleteTweet = ({ url, key }: Caller, account_id: string, tweetId: string): Promise<Job> =>
  ask<Job>(`${url}/v1/tweets/${tweetId}?account_id=${account_id}`, { method: "DELETE", key });

export const readJob = ({ url, key }: Caller, id: string): Promise<Job> =>
  ask<Job>(`${url}/v1/jobs/${id}`, { key });

/** Hold until a job has ended, at most `seconds`. Rejects when it has not, or not well. */
export async function untilSucceeded({ url, key }: Caller, id: string, seconds = 30): Promise<Job> {
  const headers = { prefer: `wait=${seconds}` };
  const job = await ask<Job>(`${url}/v1/jobs/${id}`, { key, headers });
  if (job.state !== "succeeded") throw new Error(`${id} is ${job.state}: ${JSON.stringify(job.error)}`);
  return job;
}

/** Every job of the caller, the newest first. */
export async function listJobs({ url, key }: Caller): Promise<Job[]> {
  const jobs: Job[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const from: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const page: { data: Job[]; next_cursor: string | null } = await ask(
      `${url}/v1/jobs?limit=${PAGE}${from}`,
      { key },
    );
    jobs.push(...page.data);
    cursor = page.next_cursor;
  }
  return jobs;
}

/**
 * Poll until all of these jobs are at rest, at most `ms` of real time; `onLook` is told how many are. Resolves with the jobs
 * as they are then, whether all came to rest or not.
 */
export async function pollHome(
  caller: Caller,
  ids: readonly string[],
  ms: number,
  atRest: (job: Job) => boolean = hasEnded,
  onLook: (rested: number) => void = () => undefined,
): Promise<Job[]> {
  const wanted = new Set(ids);
  for (const end = Date.now() + ms; ;) {
    const jobs = (await listJobs(caller)).filter(({ id }) => wanted.has(id));
    const rested = jobs.filter(atRest).length;
    onLook(rested);
    if (rested === wanted.size || Date.now() > end) return jobs;
    await pause(POLL_MS);
  }
}
