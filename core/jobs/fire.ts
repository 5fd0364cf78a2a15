import { fromBase64url, sha256 } from "#core/lib/bytes";
import { MINUTE_MS } from "#core/lib/clock";
import { newId, shardOf } from "#core/lib/ids";
import { nextTime } from "#core/lib/recurrence";
import * as lanes from "#core/store/lanes";
import * as schedules from "#core/store/schedules";
import type { FiredJob, Moved, ScheduleRow } from "#core/store/schedules";
import { all } from "#core/store/sql";
import * as tallies from "#core/store/tallies";
import { asScheduled } from "./commit.ts";
import { costOf, gatesOf, type Kind } from "./define.ts";
import type { Engine } from "./engine.ts";
import { rowOf } from "./enqueue.ts";
import { acceptedOf } from "./tally.ts";

/** A time that has passed by more than this was missed. */
export const MISSED_MS = 10 * MINUTE_MS;
/** So many schedules are moved in one batch, and so many times of one of them. */
const SCHEDULES = 50;
const TIMES = 500;
/** A tick ends after this many batches a database; the next tick goes on. */
const ROUNDS = 20;

/** A schedule whose time has come, and D1's clock. */
type Due = ScheduleRow & { now: number };

/**
 * Let the schedules fire whose time comes within the horizon: each time makes its job once, in the batch that moves its schedule
 * on. The job's id follows from the schedule and the time, so another clock at the same work changes nothing.
 */
export async function fireSchedules(engine: Engine, db: D1Database, horizonMs: number): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const now = engine.clock.stored();
    const found = await all<Due>(schedules.due(db, now, horizonMs, SCHEDULES));
    if (found.length === 0) return;
    const firings = await Promise.all(found.map((row) => firingOf(engine, row, horizonMs)));
    await db.batch(statementsFor(db, now, firings));
    for (const { moved } of firings)
      engine.log("schedule.fired", { schedule: moved.id, jobs: moved.count, skipped: moved.skipped });
  }
}

/** The jobs first: they are made by schedules that are as they were read. */
function statementsFor(db: D1Database, now: number | null, firings: Firing[]): D1PreparedStatement[] {
  const jobs = firings.flatMap((one) => one.jobs);
  const moved = schedules.move(
    db,
    firings.map((one) => one.moved),
  );
  if (jobs.length === 0) return [moved];
  const rows = jobs.map(({ row }) => row);
  const entries = jobs.map(({ row, kind }) => asScheduled({ ...row, job_id: row.id, gates: gatesOf(kind) }));
  return [
    schedules.fire(db, now, rows),
    moved,
    lanes.schedule(db, now, entries),
    tallies.addLoose(db, "producer", acceptedOf(jobs.map(({ kind }) => kind))),
  ];
}

type Firing = { jobs: { row: FiredJob; kind: Kind }[]; moved: Moved };

/** What a schedule does now: jobs for the times that are due, and for what was missed what it says. */
async function firingOf(engine: Engine, row: Due, horizonMs: number): Promise<Firing> {
  const { times, next_at } = timesOf(row, row.now + horizonMs);
  const isMissed = (at: number) => at < row.now - MISSED_MS;
  const missed = times.filter(isMissed);
  // What was missed is done once: when there is nothing more of it.
  const isLastOfThem = next_at === null || !isMissed(next_at);
  const caught = row.catch_up === "once" && isLastOfThem ? missed.slice(-1) : [];
  const skipped = missed.slice(0, missed.length - caught.length);
  const kind = engine.kinds.find(row.kind);
  const due = [...caught, ...times.filter((at) => !isMissed(at))];
  const jobs = kind ? await Promise.all(due.map((at) => jobOf(engine, row, kind, at))) : [];
  const last = jobs.at(-1);
  return {
    jobs,
    moved: {
      client_id: row.client_id,
      id: row.id,
      sequence: row.sequence,
      next_at,
      last_at: due.at(-1) ?? null,
      last_job_id: last?.row.id ?? null,
      skipped: skipped.length,
      skipped_from: skipped[0] ?? null,
      skipped_to: skipped.at(-1) ?? null,
      made: JSON.stringify(jobs.map((job) => job.row.id)),
      count: due.length,
    },
  };
}

/** Its times until then, not too many at once, and the one behind them. */
function timesOf(row: ScheduleRow, until: number): { times: number[]; next_at: number | null } {
  const times: number[] = [];
  let next_at = row.next_at;
  while (next_at !== null && next_at <= until && times.length < TIMES) {
    times.push(next_at);
    next_at = nextTime(row, next_at);
  }
  return { times, next_at };
}

async function jobOf(engine: Engine, row: Due, kind: Kind, at: number): Promise<Firing["jobs"][number]> {
  const digest = fromBase64url(await sha256(`schedule:${row.id}:${at}`));
  const id = newId("job", shardOf(row.account_id), at, (bytes) => digest.subarray(0, bytes));
  const params = JSON.parse(row.params) as unknown;
  const order = {
    client_id: row.client_id,
    account_id: row.account_id,
    kind,
    params,
    run_at: at,
    expires_at: null,
    expires_after_ms: row.expires_after_ms ?? undefined,
    any_order: row.any_order === 1,
    max_attempts: row.max_attempts,
    metadata: row.metadata === null ? null : (JSON.parse(row.metadata) as unknown),
    cost_estimated: costOf({ kind, params }, engine.prices),
    callback_url: row.callback_url,
  };
  const made = { ...rowOf(order, id), client_id: row.client_id, created_at: row.now };
  return { kind, row: { ...made, schedule_id: row.id, schedule_sequence: row.sequence } };
}
