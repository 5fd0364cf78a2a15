import { finalStates } from "#core/lib/lifecycle";
import type { AccountRow } from "#core/store/accounts";
import type { JobRow } from "#core/store/jobs";
import type { LaneRow } from "#core/store/lanes";

/** When rows are made, if they do not say. */
export const NOW = 1_800_000_000_000;

const LANE: LaneRow = {
  lane: "tweets:acc_1",
  client_id: "cli_1",
  account_id: "acc_1",
  app_id: "app_1",
  gates: "[]",
  next_at: NOW,
  lease: null,
  leased_until: null,
  window: null,
  newest: null,
  calls: null,
  money: null,
  served_at: 0,
  carried: null,
};

/** A job as it stands in a state, due and not expired, first of its lane. */
export function jobIn(state: JobRow["state"], change: Partial<JobRow> = {}): JobRow {
  const final = (finalStates as readonly string[]).includes(state);
  return {
    client_id: "cli_1",
    id: "job_1",
    kind: "tweet.create",
    account_id: "acc_1",
    batch_id: null,
    lane: LANE.lane,
    ordered: 1,
    state,
    open: final ? null : 1,
    due_at: NOW - 1000,
    run_at: null,
    next_attempt_at: null,
    expires_at: NOW + 1000,
    attempts: 1,
    max_attempts: 5,
    crashes: 0,
    maybe_sent: 0,
    awaits: null,
    sent_at: null,
    newest_before: null,
    looks: 0,
    losses: 0,
    lease: state === "running" ? "lse_1" : null,
    cancel_requested: 0,
    sequence: 1,
    params: "{}",
    checkpoint: null,
    result: null,
    error: null,
    log: "[]",
    metadata: null,
    cost_estimated: 0,
    cost_actual: 0,
    warnings: null,
    callback_url: null,
    carried: null,
    created_at: NOW - 1000,
    started_at: null,
    finished_at: final ? NOW - 500 : null,
    ...change,
  };
}

/** A connected account of `cli_1`, with the first version of its token. */
export const accountRow = (change: Partial<AccountRow> = {}): AccountRow => ({
  id: "acc_1",
  client_id: "cli_1",
  app_id: "app_default",
  x_user_id: "12",
  username: "ada",
  name: "Ada",
  scopes: "[]",
  state: "connected",
  token: "sealed",
  token_version: 1,
  token_expires_at: NOW + 7_200_000,
  token_issued_at: NOW,
  token_origin: "connect",
  refresh_at: null,
  metadata: null,
  paused_at: null,
  daily_cap: null,
  created_at: NOW,
  updated_at: NOW,
  ...change,
});

export const put = (db: D1Database, table: string, row: object): Promise<D1Result> => {
  const columns = Object.keys(row).map((column) => `"${column}"`);
  return db
    .prepare(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`)
    .bind(...(Object.values(row) as unknown[]))
    .run();
};

export const putLane = (db: D1Database, change: Partial<LaneRow> = {}): Promise<D1Result> =>
  put(db, "lanes", { ...LANE, ...change });

/** Forget everything. */
export const empty = (db: D1Database): Promise<unknown> =>
  db.batch(
    [
      "jobs",
      "batches",
      "batch_parts",
      "lanes",
      "gates",
      "accounts",
      "x_users",
      "api_keys",
      "clients",
      "idempotency_keys",
      "oauth_states",
      "apps",
      "events",
      "endpoints",
      "audit",
      "uploads",
      "chunks",
      "media_bindings",
      "media_uses",
      "usage",
      "allowances",
      "tallies",
      "schedules",
    ].map((table) => db.prepare(`DELETE FROM ${table}`)),
  );
