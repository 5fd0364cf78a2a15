import { lost, retry, wait, type Outcome } from "#core/lib/outcome";
import { reasonOf } from "#core/lib/log";
import { Problem } from "#core/lib/problem";

import type { JobRow } from "#core/store/jobs";
import type { WindowReading } from "#core/store/lanes";
import { receiverOf } from "#core/store/receivers";
import type { RefreshAsk } from "#core/store/refreshes";
import { shard } from "#core/store/shard";

import { createMediaRoom } from "#core/media/room";
import * as jobSteps from "#core/store/job-steps";
import { createXClient } from "#core/x/client";

import type { Rate } from "#core/x/headers";
import { Refusal } from "#core/x/refusal";
import { touchOf } from "./batch-ends.ts";
import { appReadings, exhaustedWindows, usedUntil } from "./closing.ts";
import type { Settled } from "./committer.ts";
import { gateNames, type Kind, type Refresh, type Room, type Send } from "./define.ts";
import { mediaOf } from "./awaited.ts";
import type { Consumer } from "./engine.ts";
import { createBill, type Bill } from "./bill.ts";
import { createHealth, type Health } from "./health.ts";
import { isOfToken, renew } from "./renew.ts";
import { estimateOf, holdsOf, undoOf } from "./short.ts";
import { sentOf } from "./sent.ts";
import { countsOf, isFirst, usesOf } from "./counted.ts";
import { classOf, createTally, keyOf, type Tallying } from "./tally.ts";
import { settle, type Settlement, type Settling, type Verdict } from "./settle.ts";

/** A job that is claimed: running, under a lease. */
export type Claimed = Settling & {
  parts: string | null;
  token_expires_at: number | null;
  token: string | null;
  x_user_id: string | null;
};

/** What a run came to. `wakes` are lanes that have something to do once it is written. */
export type Ran = Settled & {
  window: WindowReading | null;
  newest: string | null;
  wakes: string[];
  spent: { calls: number; money: number };
};

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
  const health = createHealth(job.parts);
  const bill = createBill(consumer.prices);
  const asked: string[] = [];
  const tally = createTally();
  if (kind && isFirst(kind, job)) tally.time("late", consumer.clock.now() - job.due_at);
  const { verdict, asks } = kind
    ? await renewed(
        consumer,
        kind,
        job,
        await attempt(consumer, kind, job, maySend, { readings, health, bill, asked, tally }),
      )
    : { verdict: unreadable(job), asks: [] };
  const now = consumer.clock.now();
  const facts = kind
    ? {
        backoff: kind.backoff,
        reconcilable: kind.reconcile !== undefined,
        gates: gateNames(kind),
        undo: (problem: Problem) => undoOf(kind, job, problem),
      }
    : NO_KIND;
  const settlement = settle(job, verdict, { ...facts, shut_at: health.shutAt() }, now, consumer.random());
  const media = await mediaOf(kind, job, verdict, settlement.ending);
  consumer.log("job.settled", { ...namesOf(job), outcome: verdict.type, attempt: job.attempts });
  const { cost } = bill.total();
  const estimate = estimateOf(kind, job, settlement.ending, verdict, cost, consumer.prices);
  return {
    ending: { ...settlement.ending, cost, estimate },
    spent: {
      calls: asked.filter((name) => name === kind?.endpoint).length,
      // What X may have billed, until it is known.
      money: verdict.type === "lost" ? Math.max(cost, job.cost_estimated - job.cost_actual) : cost,
    },
    uses: usesOf(settlement, job, kind, bill),
    counts: countsOf(settlement, job, verdict, { tally, cost, now }),
    closings: [...settlement.closings, ...exhaustedWindows(job, readings, now)],
    holds: holdsOf(kind, job, settlement.ending),
    hearings: health.hearings(job),
    readings: appReadings(job, readings, now),
    window: readings.get(kind?.endpoint ?? "")?.window ?? null,
    newest: "newest" in verdict ? (verdict.newest ?? null) : null,
    asks,
    tells: isTold(settlement) && kind?.internal !== true ? [job.client_id] : [],
    batches: touchOf(job),
    ...media,
    wakes: [
      ...(verdict.type === "done" ? (verdict.wakes ?? []) : []),
      ...[...asks, ...media.uploads].map(({ lane }) => lane),
      ...media.lanes,
    ],
  };
}

/** What its client may be told of: it has ended, or is parked, or may have been canceled meanwhile. */
const isTold = ({ ending }: Settlement): boolean => ending.final === 1 || ending.state !== "waiting";

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
  {
    readings,
    health,
    bill,
    asked,
    tally,
  }: { readings: Map<string, Rate>; health: Health; bill: Bill; asked: string[]; tally: Tallying },
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
      onBilled: (endpoint, body, answer) => {
        bill.charge(endpoint, body, answer);
        health.hearApp();
      },
      onAnswer: ({ name }, status) => {
        tally.add(keyOf("calls", name, classOf(status)));
      },
      onHealth: ({ name, part }, well) => {
        asked.push(name);
        health.hear(part ?? kind.part, well);
      },
    });
    const input = {
      params: params.data,
      checkpoint: checkpointOf(job),
      job_id: job.id,
      account_id: job.account_id,
      x_user_id: job.x_user_id ?? "",
      created_at: job.created_at,
    };
    began = true;
    const refresh: Refresh = (accountId, asked) =>
      consumer.refresh(accountId, asked, (well) => {
        health.hear(kind.part, well);
      });
    const send: Send = async (delivery) => {
      const { outcome, well } = await consumer.send({ ...delivery, client_id: job.client_id });
      const receiver = receiverOf(job.lane);
      if (well !== null && receiver !== null) health.hearReceiver(receiver, well, job.attempts === 1);
      return outcome;
    };
    const resetOf = (endpoint: string) => usedUntil(readings.get(endpoint));
    const room = roomOf(consumer, job, maySend);
    const context = { x, now: () => consumer.clock.now(), refresh, send, resetOf, ...room };
    if (job.maybe_sent < 2) return await kind.run(input, context);
    // X may have acted on an earlier claim: look for it, never run again.
    if (!kind.reconcile) return lost(new Problem("x_unreachable"));
    return await kind.reconcile(input, { ...context, sent: sentOf(consumer, job, readings, bill) });
  } catch (error) {
    if (error instanceof Refusal) return error.outcome;
    return broken(consumer, kind, job, error, began);
  }
}

/** Media, and the job's own progress. */
function roomOf(consumer: Consumer, job: Claimed, maySend: () => boolean): Room {
  const db = shard(consumer.databases, job.id);
  const { clock } = consumer;
  const parts = { ...consumer, now: () => clock.now(), stored: () => clock.stored() };
  return {
    media: createMediaRoom(parts, { ...job, job_id: job.id }),
    mayCall: maySend,
    save: async (checkpoint) => {
      const text = JSON.stringify(checkpoint);
      const { meta } = (await db?.batch([jobSteps.keep(db, job, text)]))?.[0] ?? {};
      if (meta?.changes !== 1) throw new Error("the lease of the job is over");
      // What its ending goes by.
      job.checkpoint = text;
      job.attempts = 1;
    },
  };
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

/** A throw that is not a Refusal is a bug of ours. If X may have been called by a kind that must not repeat, it is lost. */
function broken(consumer: Consumer, kind: Kind, job: JobRow, error: unknown, began: boolean): Outcome {
  consumer.log("job.broke", { ...namesOf(job), reason: reasonOf(error) });
  const problem = new Problem("internal");
  return began && !kind.repeatable ? lost(problem) : retry(problem);
}

/** What every line of the log says of a job. */
const namesOf = ({ id: job, kind, account_id: account, lane }: JobRow) => ({ job, kind, account, lane });

const unreadable = (job: JobRow): Verdict => ({
  type: "bury",
  problem: new Problem("unreadable", { detail: `This version cannot run a stored ${job.kind}` }),
});

const checkpointOf = (job: JobRow): unknown => (job.checkpoint === null ? null : JSON.parse(job.checkpoint));
