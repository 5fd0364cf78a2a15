import type { Awaited } from "#core/store/awaiting";
import type { Ending } from "#core/store/job-steps";
import type { Media } from "./committer.ts";
import { laneOf, type Kind } from "./define.ts";
import { tweetCreate } from "./kinds/tweet-create.ts";
import type { Settling, Verdict } from "./settle.ts";
import { uploadOf } from "./uploads.ts";

/**
 * What the ending of a job has to do with media: those it waits for, what X calls the one that it sent, and whom its end lets
 * go on. `lanes` have something to do then.
 */
export async function mediaOf(
  kind: Kind | null,
  job: Settling,
  verdict: Verdict,
  ending: Ending,
): Promise<Media & { lanes: string[] }> {
  const { client_id, account_id, id: job_id, lease } = job;
  const nothing = { uploads: [], bound: [], awaited: [], lanes: [] };
  if (verdict.type === "await") {
    const { medium: media_id, ask } = verdict;
    const uploads = ask ? [await uploadOf({ client_id, account_id, media_id }, ask)] : [];
    // The medium may have ended since the job looked.
    return { ...nothing, uploads, awaited: [{ account_id, media_id }] };
  }
  const media_id = ending.final === 1 ? mediumOf(kind, job) : undefined;
  if (media_id === undefined) return nothing;
  const awaited: Awaited[] = [{ account_id, media_id }];
  const binding = verdict.type === "done" ? verdict.bound : undefined;
  return {
    uploads: [],
    bound: binding ? [{ ...binding, client_id, account_id, job_id, lease }] : [],
    awaited,
    lanes: [laneOf(tweetCreate, account_id)],
  };
}

function mediumOf(kind: Kind | null, job: Settling): string | undefined {
  const params = kind?.medium ? kind.params.safeParse(JSON.parse(job.params)).data : undefined;
  return params && kind?.medium?.(params);
}
