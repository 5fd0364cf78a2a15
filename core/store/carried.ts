import { headOf, rowsIn } from "./sql.ts";

/** What is counted of a lane and not yet added to the tallies: JSON. */
export type Carried = { lane: string; carried: string };

/**
 * Keep what is counted of lanes where no claim has taken it along. Comes directly behind the claims, of which there are `claims`: where
 * all were met, there is nothing to be kept but what `others` says. Repeatable.
 */
export const carry = (
  db: D1Database,
  lease: string,
  some: Carried[],
  { claims, others }: { claims: number; others: boolean },
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE lanes SET carried = m.carried FROM ${rowsIn("?2", ["lane", "carried"], some.length)} AS m
        WHERE (?4 OR changes() < ?3) AND lanes.lane = m.lane AND lanes.lease = ?1
          AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.client_id = lanes.client_id AND jobs.id = ${headOf("lanes.lane")}
                             AND jobs.lease = lanes.lease)`,
    )
    .bind(lease, JSON.stringify(some), claims, others ? 1 : 0);
