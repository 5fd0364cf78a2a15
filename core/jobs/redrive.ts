import * as gates from "#core/store/gates";
import * as jobs from "#core/store/jobs";
import type { JobRow } from "#core/store/jobs";
import * as lanes from "#core/store/lanes";
import { shard } from "#core/store/shard";
import { batchesMoved, touchOf } from "./batch-ends.ts";
import { gatesOf } from "./define.ts";
import type { Engine } from "./engine.ts";
import { EXPIRES_AFTER_MS } from "./limits.ts";
import type { Wake } from "./wake.ts";

/** Redriven by one transaction: what it writes is all the while nobody else's to write. */
const A_TIME = 100;

/**
 * Give a client's jobs a new life, in this order, and say which have it and what to wake. Whatever is no longer failed or
 * dead, and what this version has no kind for, stays as it is: so it may be asked again.
 */
export async function redriveDead(
  engine: Engine,
  clientId: string,
  found: readonly Pick<JobRow, "id" | "kind">[],
): Promise<{ ids: string[]; wakes: Wake[] }> {
  const ids: string[] = [];
  const wakes: Wake[] = [];
  for (const [name, some] of Map.groupBy(found, ({ id }) => id.slice(-1))) {
    const db = shard(engine.databases, name);
    const entries = some.flatMap(({ id, kind: kindName }) => {
      const kind = engine.kinds.find(kindName);
      return kind ? [{ client_id: clientId, id, gates: gatesOf(kind) }] : [];
    });
    for (let i = 0; db && i < entries.length; i += A_TIME) {
      const chunk = entries.slice(i, i + A_TIME);
      const now = engine.clock.stored();
      const chosen = chunk.map(({ id }) => id);
      const [redriven, , scheduled] = await db.batch([
        jobs.redrive(db, now, clientId, chosen, EXPIRES_AFTER_MS),
        gates.release(db, clientId, chosen),
        lanes.schedule(db, now, chunk),
      ]);
      const rows = redriven?.results as Pick<JobRow, "id" | "batch_id">[];
      ids.push(...rows.map(({ id }) => id));
      const touches = rows.flatMap((row) => touchOf({ ...row, client_id: clientId }));
      await batchesMoved(engine, touches);
      wakes.push(...(scheduled?.results as Wake[]));
    }
  }
  return { ids: ids.sort(), wakes };
}
