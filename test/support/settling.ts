import { settle, type Settling, type Verdict } from "#core/jobs/settle";
import type { JobRow } from "#core/store/jobs";

export const NOW = 1_000_000;

/** What the tests take a kind to be. */
export const KIND = {
  backoff: { attempts: 5, base_s: 10, cap_s: 900 },
  reconcilable: false,
  shut_at: null as number | null,
  gates: ["x:tweets", "app:{app}", "account:{account}", "window:{account}:POST /2/tweets"],
};

/** A job that runs, and may have been sent. */
export const settlingJob = (change: Partial<JobRow> = {}): Settling =>
  ({
    client_id: "cli_1",
    id: "job_1",
    account_id: "acc_1",
    lane: "tweets:acc_1",
    state: "running",
    open: 1,
    attempts: 2,
    max_attempts: 5,
    maybe_sent: 1,
    lease: "lse_1",
    checkpoint: '{"step":1}',
    log: "[]",
    sent_at: NOW - 1000,
    looks: 0,
    losses: 0,
    error: '{"code":"x_unreachable"}',
    ...change,
    token_version: 7,
  }) as Settling;

/** What a verdict makes of such a job, by chance 0.5. */
export const endingOf = (verdict: Verdict, change: Partial<JobRow> = {}, of = KIND) =>
  settle(settlingJob(change), verdict, of, NOW, 0.5).ending;
