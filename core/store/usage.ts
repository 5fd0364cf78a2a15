import { DAY_MS } from "#core/lib/clock";
import { NOW, rowsIn } from "./sql.ts";

/** A row of `usage`: what an account's jobs came to on a day in UTC (its beginning, epoch ms), and cost in micro-USD. */
export type UsageRow = {
  client_id: string;
  day: number;
  account_id: string;
  succeeded: number;
  failed: number;
  dead: number;
  reads: number;
  cost: number;
};

/** What one run of a job adds. */
export type Use = Omit<UsageRow, "day" | "account_id"> & { job_id: string; lease: string };

const COLUMNS = [
  "client_id",
  "job_id",
  "lease",
  "succeeded",
  "failed",
  "dead",
  "reads",
  "cost",
] as const satisfies (keyof Use)[];

/** Today in UTC. */
export const TODAY = `(${NOW} - ${NOW} % ${DAY_MS})`;

const SUMS = ["succeeded", "failed", "dead", "reads", "cost"] as const;
const ADDED = SUMS.map((name) => `${name} = usage.${name} + excluded.${name}`).join(", ");

/**
 * Add what running jobs used to their accounts' day: one row an account and commit. Comes before the jobs' endings and counts
 * only while each job still runs under its lease, so it counts exactly as often as the ending is written: once.
 */
export const add = (db: D1Database, now: number | null, uses: Use[]): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO usage (client_id, day, account_id, ${SUMS.join(", ")})
       SELECT jobs.client_id, ${TODAY}, jobs.account_id, ${SUMS.map((name) => `sum(u.${name})`).join(", ")}
         FROM ${rowsIn("?2", COLUMNS, uses.length)} AS u
         JOIN jobs ON jobs.client_id = u.client_id AND jobs.id = u.job_id AND jobs.lease = u.lease
        GROUP BY jobs.client_id, jobs.account_id
       HAVING true
           ON CONFLICT (client_id, day, account_id) DO UPDATE SET ${ADDED}`,
    )
    .bind(now, JSON.stringify(uses));

/**
 * Count a job that a person found at X. In one batch with the statement that says so, directly behind: if that changed nothing,
 * nothing is counted.
 */
export const addFound = (
  db: D1Database,
  now: number | null,
  job: { client_id: string; id: string; cost: number },
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO usage (client_id, day, account_id, succeeded, cost)
       SELECT client_id, ${TODAY}, account_id, state = 'succeeded', ?4 FROM jobs
        WHERE client_id = ?2 AND id = ?3 AND (state = 'succeeded' OR ?4 > 0) AND changes() > 0
           ON CONFLICT (client_id, day, account_id) DO UPDATE
          SET succeeded = usage.succeeded + excluded.succeeded, cost = usage.cost + excluded.cost`,
    )
    .bind(now, job.client_id, job.id, job.cost);

/** Count what a read of an account came to. */
export const addRead = (
  db: D1Database,
  now: number | null,
  of: Pick<UsageRow, "client_id" | "account_id" | "reads" | "cost">,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO usage (client_id, day, account_id, reads, cost) VALUES (?2, ${TODAY}, ?3, ?4, ?5)
           ON CONFLICT (client_id, day, account_id) DO UPDATE
          SET reads = usage.reads + excluded.reads, cost = usage.cost + excluded.cost`,
    )
    .bind(now, of.client_id, of.account_id, of.reads, of.cost);

/** The days of a client from one to another, the earliest first, behind a day and account; of some accounts, or of all. */
export const list = (
  db: D1Database,
  clientId: string,
  days: { from: number; to: number },
  after: { day: number; account_id: string },
  accountIds: readonly string[] | null,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT * FROM usage
        WHERE client_id = ?1 AND day BETWEEN ?2 AND ?3 AND (day, account_id) > (?4, ?5)
          AND (?6 IS NULL OR account_id IN (SELECT value FROM json_each(?6)))
        ORDER BY day, account_id LIMIT ?7`,
    )
    .bind(
      clientId,
      days.from,
      days.to,
      after.day,
      after.account_id,
      accountIds === null ? null : JSON.stringify(accountIds),
      limit,
    );

/** Delete a bounded number of these clients' days before one. */
export const prune = (
  db: D1Database,
  clientIds: string[],
  before: number,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM usage WHERE (client_id, day, account_id) IN (
         SELECT u.client_id, u.day, u.account_id FROM json_each(?1) AS c
           JOIN usage AS u ON u.client_id = c.value AND u.day < ?2
          LIMIT ?3)`,
    )
    .bind(JSON.stringify(clientIds), before, limit);
