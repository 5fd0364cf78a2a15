import { Problem } from "#core/lib/problem";
import * as allowances from "#core/store/allowances";
import type { AppWindows, Spent } from "#core/store/allowances";
import * as appDays from "#core/store/app-days";
import type { AppReading } from "#core/store/app-days";
import * as caps from "#core/store/caps";
import type { Shortage } from "#core/store/caps";
import * as carried from "#core/store/carried";
import type { Carried } from "#core/store/carried";
import * as breaker from "#core/store/breaker";
import type { Hearing } from "#core/store/breaker";
import * as gates from "#core/store/gates";
import type { Closing, Hold } from "#core/store/gates";
import * as steps from "#core/store/job-steps";
import type { Claim, Ending } from "#core/store/job-steps";
import * as lanes from "#core/store/lanes";
import type { HandBack, Look } from "#core/store/lanes";
import * as deliveries from "#core/store/deliveries";
import type { DueLane } from "#core/store/deliveries";
import * as awaiting from "#core/store/awaiting";
import type { Awaited } from "#core/store/awaiting";
import * as bindings from "#core/store/media-bindings";
import type { Bound, UploadAsk } from "#core/store/media-bindings";
import * as receivers from "#core/store/receivers";
import * as refreshes from "#core/store/refreshes";
import type { RefreshAsk } from "#core/store/refreshes";
import * as tallies from "#core/store/tallies";
import type { Counted } from "#core/store/tallies";
import * as usage from "#core/store/usage";
import type { Use } from "#core/store/usage";
import { all } from "#core/store/sql";
import { batchEnds, type BatchTouch } from "./batch-ends.ts";

/** What one commit carries, for all lanes of a turn. */
export type Work = {
  closings: Closing[];
  /** Those of the jobs that stop short, and hold what comes behind them. */
  holds: Hold[];
  /** What those jobs heard of parts of X. */
  hearings: Hearing[];
  endings: Ending[];
  /** What X said of its apps' days. */
  readings: AppReading[];
  /** What they cost and came to, for their accounts. */
  uses: Use[];
  /** Refreshes that those endings wait for. */
  asks: RefreshAsk[];
  /** Clients that may be told of those endings. */
  tells: string[];
  /** The batches of jobs that those endings, or their time, may have ended. */
  batches: BatchTouch[];
  /** Media that those endings wait for, and that are to be sent. */
  uploads: UploadAsk[];
  /** What X calls media now. */
  bound: Bound[];
  /** Media of which it may have changed whether somebody is at them. */
  awaited: Awaited[];
  handBacks: HandBack[];
  /** What is counted for whoever watches, of those that are handed back. */
  counted: Counted[];
  /** Those of them that did not use all they were given, or more. */
  givenBack: Spent[];
  /** Those of them that were given too little. */
  shut: string[];
  leases: string[];
  expires: string[];
  /** Lanes of which one may try a part of X that was broken. */
  probes: string[];
  claims: Claim[];
  /** What is counted of lanes that are still held: of those that claim, and of others. */
  carried: Carried[];
  /** Claim although the job crashed its Worker twice: it runs alone. */
  alone: boolean;
};

/**
 * What a commit found, read at its end: `looks` say the same however often the commit was sent. `fenced` counts endings
 * that changed nothing: their holder outlived its lease, or an earlier sending came through.
 */
export type Found = {
  looks: Map<string, Look>;
  /** Lanes of webhooks that have something to do. */
  told: DueLane[];
  /** What was lent to this database of the caps of clients, and was too little. */
  short: Shortage[];
  fenced: number;
  rows_written: number;
  rows_read: number;
};

export type CommitContext = {
  db: D1Database;
  now: number | null;
  lease: string;
  lease_ms: number;
  app_windows: AppWindows;
  unrepeatable: readonly string[];
  reconcilable: readonly string[];
};

/** Whether claims alone may have taken along what is counted. */
const claimsOf = ({ claims, carried: some }: Work) => ({
  claims: claims.length,
  others: some.some(({ lane }) => !claims.some((claim) => claim.lane === lane)),
});

type Rescued = { ended_of: string | null };

const asJson = (problem: Problem): string => JSON.stringify(problem);
const POISON = asJson(new Problem("poison"));
const EXHAUSTED = asJson(
  new Problem("attempts_exhausted", { detail: "The last attempt crashed its Worker" }),
);
const LOST = asJson(
  new Problem("x_unreachable", { detail: "The Worker died while the call to X was under way" }),
);
const EXPIRED = asJson(new Problem("expired"));

/**
 * One transaction: what jobs came to, lanes given back, lanes taken (with what a dead holder left in them), the next jobs
 * claimed, and the truth read at the end. Every statement is a no-op when the commit is sent again.
 */
export async function commit(context: CommitContext, work: Work): Promise<Found> {
  const { db, now, lease, lease_ms, app_windows } = context;
  const looked = [
    ...new Set([
      ...work.handBacks.map(({ lane }) => lane),
      ...work.leases,
      ...work.claims.map(({ lane }) => lane),
    ]),
  ];
  const statements: D1PreparedStatement[] = [];
  const add = (needed: number, make: () => D1PreparedStatement): number =>
    needed === 0 ? -1 : statements.push(make()) - 1;

  add(work.closings.length, () => gates.close(db, now, work.closings));
  add(work.holds.length, () => gates.hold(db, now, work.holds));
  add(work.hearings.length, () => breaker.count(db, now, work.hearings));
  add(work.readings.length, () => appDays.learn(db, now, work.readings, lease_ms));
  add(work.uses.length, () => usage.add(db, now, work.uses));
  add(work.bound.length, () => bindings.settle(db, work.bound));
  const settled = add(work.endings.length, () => steps.settle(db, now, work.endings));
  add(work.asks.length, () => refreshes.ask(db, now, work.asks));
  add(work.asks.length, () => lanes.schedule(db, now, work.asks.map(asScheduled)));
  add(work.uploads.length, () => bindings.ask(db, now, work.uploads));
  add(work.uploads.length, () => bindings.bind(db, work.uploads));
  add(work.uploads.length, () => lanes.schedule(db, now, work.uploads.map(asScheduled)));
  add(work.awaited.length, () => awaiting.hurry(db, now, work.awaited));
  add(work.awaited.length, () => awaiting.resume(db, now, work.awaited));
  add(work.givenBack.length, () => allowances.giveBack(db, now, lease, work.givenBack, lease_ms));
  add(work.shut.length, () => allowances.shut(db, now, lease, work.shut, app_windows, lease_ms));
  add(work.counted.length, () => tallies.add(db, work.counted, lease));
  add(work.handBacks.length, () => lanes.handBack(db, now, lease, work.handBacks));
  const heard = receivers.receiversAmong(work.hearings.map(({ name }) => name));
  add(heard.length, () => receivers.putOff(db, now, heard));
  add(heard.length, () => receivers.hurry(db, now, heard));
  const rescued = add(work.leases.length, () =>
    steps.rescue(db, now, work.leases, context.reconcilable, CRASH_PROBLEMS),
  );
  add(work.leases.length, () => allowances.take(db, now, lease, work.leases, app_windows, lease_ms));
  add(work.leases.length, () => lanes.lease(db, now, lease, work.leases, lease_ms, app_windows));
  add(work.expires.length, () => steps.expire(db, now, lease, work.expires, EXPIRED));
  statements.push(...batchEnds(db, now, work.batches));
  for (const some of Map.groupBy(work.probes, receivers.receiverOf).values())
    add(some.length, () => breaker.probe(db, now, lease, some));
  add(work.claims.length, () => steps.claim(db, now, context, work.claims, work.alone));
  add(work.carried.length, () => carried.carry(db, lease, work.carried, claimsOf(work)));
  const clients = [...new Set(work.tells)];
  const told = add(clients.length, () => deliveries.due(db, now, clients));
  const toWake = add(heard.length, () => receivers.toWake(db, now, lease, heard));
  const short = add(work.shut.length, () => caps.shortages(db, now, work.shut));
  const look = add(looked.length, () => lanes.look(db, now, lease, looked));

  const results = await db.batch(statements);
  const rows = <Row>(index: number): Row[] => (results[index]?.results ?? []) as Row[];
  /** Whose jobs a rescue has ended is not known before. What a lost answer keeps from us here is found by the clock. */
  const toldOf = async (ends: Rescued[]): Promise<DueLane[]> => {
    const of = [...new Set(ends.flatMap(({ ended_of }) => ended_of ?? []))];
    return of.length === 0 ? [] : all<DueLane>(deliveries.due(db, now, of));
  };
  return {
    looks: new Map(rows<Look>(look).map((one) => [one.lane, one])),
    told: [...rows<DueLane>(told), ...rows<DueLane>(toWake), ...(await toldOf(rows<Rescued>(rescued)))],
    short: rows<Shortage>(short),
    rows_written: results.reduce((sum, { meta }) => sum + meta.rows_written, 0),
    rows_read: results.reduce((sum, { meta }) => sum + meta.rows_read, 0),
    fenced: settled < 0 ? 0 : work.endings.length - rows(settled).length,
  };
}

/** A job that was asked for as its lane is told of it. */
export const asScheduled = ({
  client_id,
  job_id,
  gates,
}: Pick<RefreshAsk, "client_id" | "job_id" | "gates">) => ({ client_id, id: job_id, gates });

const CRASH_PROBLEMS = { poison: POISON, exhausted: EXHAUSTED, lost: LOST };
