import { DAY_MS, type Clock } from "#core/lib/clock";
import { shardOf } from "#core/lib/ids";
import type { Log } from "#core/lib/log";
import * as endpoints from "#core/store/endpoints";
import type { EndpointRow } from "#core/store/endpoints";
import * as gates from "#core/store/gates";
import { shard, shards, type Databases } from "#core/store/shard";
import { showEndpoint } from "./endpoint-view.ts";
import { event } from "./events.ts";

export type Caring = { databases: Databases; clock: Clock; log: Log };

/** When its client is warned that nothing gets through, and when it is not tried any more. */
const WARNED_AFTER_MS = DAY_MS;
const DISABLED_AFTER_MS = 5 * DAY_MS;

/** The gate that all lanes of an endpoint stand behind. */
export const endpointGate = ({ client_id, id }: Pick<EndpointRow, "client_id" | "id">): string =>
  `webhook:${client_id}:${id}`;

/**
 * Note how an endpoint does. `db` is the database of the event that was sent: each keeps its own account of it. While all
 * is well, or nothing new is wrong, nothing is written.
 */
export async function noteHealth(by: Caring, db: D1Database, row: EndpointRow, well: boolean): Promise<void> {
  const now = by.clock.now();
  if (well) {
    if (row.failing_since !== null) await endpoints.recovered(db, row).run();
  } else if (row.failing_since === null) {
    await endpoints.failing(db, row, now).run();
  } else if (row.warned_at === null && now - row.failing_since > WARNED_AFTER_MS) {
    const data = showEndpoint(row);
    await db.batch([
      endpoints.warned(db, row, now),
      event(db, { ...about(row), type: "endpoint.failing", data }, now),
    ]);
  } else if (isGivenUp(row, now)) {
    await disableEndpoint(by, row, "failing");
  }
}

/** Never without a warning a day before: one that is seldom sent anything may have had none. */
const isGivenUp = ({ failing_since, warned_at }: EndpointRow, now: number): boolean =>
  now - (failing_since ?? now) > DISABLED_AFTER_MS && now - (warned_at ?? now) > WARNED_AFTER_MS;

/**
 * Stop trying an endpoint, on every database. Its events are kept, and what waits to be sent waits behind its gate until
 * somebody enables it again.
 */
export async function disableEndpoint(
  { databases, clock, log }: Caring,
  row: EndpointRow,
  disabled_reason: "asked" | "gone" | "failing",
): Promise<void> {
  const now = clock.now();
  const data = showEndpoint({ ...row, state: "disabled", disabled_reason });
  for (const name of shards(databases)) {
    const db = shard(databases, name);
    const told = name === shardOf(row.id) && disabled_reason !== "asked";
    await db?.batch([
      endpoints.disable(db, row, disabled_reason, now),
      ...(told ? [event(db, { ...about(row), type: "endpoint.disabled", data }, now)] : []),
      gates.shut(db, clock.stored(), endpointGate(row), "endpoint_disabled"),
    ]);
  }
  log("endpoint.disabled", { endpoint: row.id, reason: disabled_reason });
}

const about = ({ client_id, id }: EndpointRow) => ({ client_id, account_id: null, subject: id });
