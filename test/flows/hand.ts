import { ask, Refused } from "../../scripts/api.ts";
import type { Caller, Job } from "../../scripts/jobs.ts";
import { pause } from "../../scripts/wait.ts";

const AGAIN_MS = 100;

/**
 * Hand a tweet over as a careful client does: under a key of its own, again and again until it is taken, whatever becomes of the
 * proxy meanwhile. Rejects when it is refused.
 */
export async function handOver({ url, key }: Caller, account_id: string, text: string): Promise<Job> {
  for (;;) {
    try {
      const headers = { "idempotency-key": text };
      return await ask<Job>(`${url}/v1/tweets`, { key, body: { account_id, text }, headers });
    } catch (error) {
      if (error instanceof Refused && error.status < 500) throw error;
      await pause(AGAIN_MS);
    }
  }
}
