import { Problem } from "#core/lib/problem";
import * as gates from "#core/store/gates";
import type { Closing } from "#core/store/gates";
import * as steps from "#core/store/job-steps";
import type { Ending } from "#core/store/job-steps";
import * as lanes from "#core/store/lanes";
import type { HandBack, Look } from "#core/store/lanes";
import * as events from "#core/store/events";
import type { ParkedEvent } from "#core/store/events";
import * as refreshes from "#core/store/refreshes";
import type { RefreshAsk } from "#core/store/refreshes";

/** What one commit carries, for all lanes of a turn. */
export type Work = {
  closings: Closing[];
  endings: Ending[];
  /** Refreshes that those endings wait for. */
  asks: RefreshAsk[];
  /** The events of those that are parked. */
  parked: ParkedEvent[];
  handBacks: HandBack[];
  leases: string[];
  expires: string[];
  claims: string[];
  /** Claim although the job crashed its Worker twice: it runs alone. */
  alone: boolean;
};

/**
 * What a commit found, read at its end: `looks` say the same however often the commit was sent. `fenced` counts endings
 * that changed nothing: their holder outlived its lease, or an earlier sending came through.
 */
export type Found = { looks: Map<string, Look>; fenced: number; rows_written: number; rows_read: number };

export type CommitContext = {
  db: D1Database;
  now: number | null;
  lease: string;
  lease_ms: number;
  unrepeatable: readonly string[];
  reconcilable: readonly string[];
};

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
  const { db, now, lease } = context;
  const looked = [...new Set([...work.handBacks.map(({ lane }) => lane), ...work.leases, ...work.claims])];
  const statements: D1PreparedStatement[] = [];
  const add = (needed: number, make: () => D1PreparedStatement): number =>
    needed === 0 ? -1 : statements.push(make()) - 1;

  add(work.closings.length, () => gates.close(db, now, work.closings));
  const settled = add(work.endings.length, () => steps.settle(db, now, work.endings));
  add(work.parked.length, () => events.parked(db, now, work.parked));
  add(work.asks.length, () => refreshes.ask(db, now, work.asks));
  add(work.asks.length, () => lanes.schedule(db, now, work.asks.map(asScheduled)));
  add(work.handBacks.length, () => lanes.handBack(db, now, lease, work.handBacks));
  add(work.leases.length, () => steps.rescue(db, now, work.leases, context.reconcilable, CRASH_PROBLEMS));
  add(work.leases.length, () => lanes.lease(db, now, lease, work.leases, context.lease_ms));
  add(work.expires.length, () => steps.expire(db, now, lease, work.expires, EXPIRED));
  add(work.claims.length, () => steps.claim(db, now, lease, work.claims, context.unrepeatable, work.alone));
  const look = add(looked.length, () => lanes.look(db, now, lease, looked));

  const results = await db.batch(statements);
  const rows = <Row>(index: number): Row[] => (results[index]?.results ?? []) as Row[];
  return {
    looks: new Map(rows<Look>(look).map((one) => [one.lane, one])),
    rows_written: results.reduce((sum, { meta }) => sum + meta.rows_written, 0),
    rows_read: results.reduce((sum, { meta }) => sum + meta.rows_read, 0),
    fenced: settled < 0 ? 0 : work.endings.length - (results[settled]?.meta.changes ?? 0),
  };
}

/** A refresh as its lane is told of it. */
export const asScheduled = ({ client_id, job_id, gates }: RefreshAsk) => ({ client_id, id: job_id, gates });

const CRASH_PROBLEMS = { poison: POISON, exhausted: EXHAUSTED, lost: LOST };
