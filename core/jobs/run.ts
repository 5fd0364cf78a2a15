import { lost, retry, wait, type GateRef, type Outcome } from "#core/lib/outcome";
import { newId, shardOf } from "#core/lib/ids";
import { reasonOf } from "#core/lib/log";
import { Problem } from "#core/lib/problem";
import type { ParkedEvent } from "#core/store/events";
import type { Closing } from "#core/store/gates";
import type { JobRow } from "#core/store/jobs";
import type { WindowReading } from "#core/store/lanes";
import type { RefreshAsk } from "#core/store/refreshes";
import { shard } from "#core/store/shard";
import * as unclearJobs from "#core/store/unclear-jobs";
import { all } from "#core/store/sql";
import { createXClient } from "#core/x/client";
import type { Rate, RateWindow } from "#core/x/headers";
import { Refusal } from "#core/x/refusal";
import type { Settled } from "./committer.ts";
import { gateNames, type Kind, type Sent } from "./define.ts";
import type { Consumer } from "./engine.ts";
import { isOfToken, renew } from "./renew.ts";
import { closing, settle, type Settlement, type Settling, type Verdict } from "./settle.ts";

/** A job that is claimed: running, under a lease. */
export type Claimed = Settling & {
  token_expires_at: number | null;
  token: string | null;
  x_user_id: string | null;
};

/** What a run came to. `wakes` are lanes that have something to do once it is written. */
export type Ran = Settled & { window: WindowReading | null; newest: string | null; wakes: string[] };

/** For a job whose kind this version does not know: what `settle` needs to bury it. */
const NO_KIND = { backoff: { attempts: 1, base_s: 1, cap_s: 1 }, reconcilable: false, gates: [] };

type Verdicts = { verdict: Verdict; asks: RefreshAsk[] };

/**
 * Run a claimed job once, and say what becomes of it. Never throws.
 * `maySend` says whether enough of the lease is left for a call.
 */
export async function run(consumer: Consumer, job: Claimed, maySend: () => boolean): Promise<Ran> {
  const kind = consumer.kinds.find(job.kind);
  const readings = new Map<string, Rate>();
  const { verdict, asks } = kind
    ? await renewed(consumer, kind, job, await attempt(consumer, kind, job, maySend, readings))
    : { verdict: unreadable(job), asks: [] };
  const now = consumer.clock.now();
  const facts = kind
    ? { backoff: kind.backoff, reconcilable: kind.reconcile !== undefined, gates: gateNames(kind) }
    : NO_KIND;
  const settlement = settle(job, verdict, facts, now, consumer.random());
  consumer.log("job.settled", { job: job.id, lane: job.lane, outcome: verdict.type, attempt: job.attempts });
  return {
    ending: settlement.ending,
    closings: [...settlement.closings, ...exhaustedWindows(job, readings, now)],
    window: readings.get(kind?.endpoint ?? "")?.window ?? null,
    newest: verdict.type === "done" ? (verdict.newest ?? null) : null,
    asks,
    parked: parkedIn(settlement, job, now),
    wakes: [...(verdict.type === "done" ? (verdict.wakes ?? []) : []), ...asks.map(({ lane }) => lane)],
  };
}

/** A person must find out what became of it, and is told so. */
const parkedIn = ({ ending }: Settlement, job: Claimed, now: number): ParkedEvent[] =>
  ending.state === "unknown" && ending.open === null
    ? [{ client_id: job.client_id, job_id: job.id, event_id: newId("evt", shardOf(job.id), now) }]
    : [];

/** What the access token alone stood in the way of goes on with another one. */
async function renewed(consumer: Consumer, kind: Kind, job: Claimed, verdict: Verdict): Promise<Verdicts> {
  if (!kind.token || !isOfToken(verdict)) return { verdict, asks: [] };
  return renew(consumer, { ...job, checkpoint: checkpointOf(job) }, verdict);
}

async function attempt(
  consumer: Consumer,
  kind: Kind,
  job: Claimed,
  maySend: () => boolean,
  readings: Map<string, Rate>,
): Promise<Verdict> {
  const params = kind.params.safeParse(JSON.parse(job.params));
  if (!params.success) return unreadable(job);
  let began = false;
  try {
    const accessToken = kind.token ? await tokenFor(consumer, job) : "";
    if (typeof accessToken !== "string") return accessToken;
    // Nothing was sent: the job goes back as it was.
    if (!maySend()) return { type: "again", checkpoint: checkpointOf(job), after_s: 0 };
    const x = createXClient({
      fetch: consumer.network,
      baseUrl: consumer.x_url,
      accessToken,
      now: () => consumer.clock.now(),
      timeout_ms: consumer.limits.call_ms,
      onReading: (endpoint, reading) => readings.set(endpoint, reading),
    });
    const input = {
      params: params.data,
      checkpoint: checkpointOf(job),
      job_id: job.id,
      account_id: job.account_id,
      created_at: job.created_at,
    };
    began = true;
    const context = { x, now: () => consumer.clock.now(), refresh: consumer.refresh };
    if (job.maybe_sent < 2) return await kind.run(input, context);
    // X may have acted on an earlier claim: look for it, never run again.
    if (!kind.reconcile) return lost(new Problem("x_unreachable"));
    return await kind.reconcile(input, { ...context, sent: sentOf(consumer, job, readings) });
  } catch (error) {
    if (error instanceof Refusal) return error.outcome;
    return broken(consumer, kind, job, error, began);
  }
}

/** The account's access token, or why the job must wait for one. No fault of ours here costs the job an attempt. */
async function tokenFor(consumer: Consumer, job: Claimed): Promise<string | Outcome> {
  if (job.token_expires_at !== null && job.token_expires_at <= consumer.clock.now())
    return wait({ scope: "account" }, "token_expired");
  try {
    const token = await consumer.tokens.access(job.account_id, job.token_version, job.token);
    return token ?? wait({ scope: "account" }, "reconnect");
  } catch (error) {
    consumer.log("token.unreadable", { account: job.account_id, reason: reasonOf(error) });
    return wait({ scope: "account" }, "token_unavailable");
  }
}

/** What is known of an earlier attempt that X may have acted on. */
function sentOf(consumer: Consumer, job: Claimed, readings: Map<string, Rate>): Sent {
  const db = shard(consumer.databases, job.id);
  return {
    at: job.sent_at ?? job.created_at,
    newest_id: job.newest_before,
    x_user_id: job.x_user_id ?? "",
    skew_ms: () => [...readings.values()].at(-1)?.skew_ms ?? 0,
    taken: async (ids) => {
      if (db === null || ids.length === 0) return new Set();
      return new Set((await all<{ id: string }>(unclearJobs.taken(db, job, ids))).map(({ id }) => id));
    },
  };
}

/** A throw that is not a Refusal is a bug of ours. If X may have been called by a kind that must not repeat, it is lost. */
function broken(consumer: Consumer, kind: Kind, job: JobRow, error: unknown, began: boolean): Outcome {
  consumer.log("job.broke", { job: job.id, kind: kind.name, reason: reasonOf(error) });
  const problem = new Problem("internal");
  return began && !kind.repeatable ? lost(problem) : retry(problem);
}

const unreadable = (job: JobRow): Verdict => ({
  type: "bury",
  problem: new Problem("unreadable", { detail: `This version cannot run a stored ${job.kind}` }),
});

const checkpointOf = (job: JobRow): unknown => (job.checkpoint === null ? null : JSON.parse(job.checkpoint));

/**
 * Windows that the last call used up are closed now, in the commit that ends its job: never overrun by the next. A reset
 * that has passed closes nothing.
 */
function exhaustedWindows(job: Claimed, readings: Map<string, Rate>, now: number): Closing[] {
  const closed = (gate: GateRef, reading: RateWindow | null): Closing[] =>
    reading?.remaining === 0 && reading.resets_at > now
      ? [closing(job, gate, "rate_limited", reading.resets_at - now, reading)]
      : [];
  return [...readings].flatMap(([endpoint, { window, user_day, app_day }]) => [
    ...closed({ scope: "window", endpoint }, window),
    ...closed({ scope: "window", endpoint }, user_day),
    ...closed({ scope: "app" }, app_day),
  ]);
}
