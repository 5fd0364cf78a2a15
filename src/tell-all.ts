import { tell } from "#core/jobs/tell";
import * as deliveries from "#core/store/deliveries";
import type { DueLane } from "#core/store/deliveries";
import { shard, shards } from "#core/store/shard";
import { all } from "#core/store/sql";
import type { App } from "./app.ts";

/** Wake the lanes of a client's deliveries that have something to do, on every database. */
export async function tellAll(app: App, clientId: string): Promise<void> {
  for (const name of shards(app.databases)) {
    const db = shard(app.databases, name);
    if (db) await tell(app, await all<DueLane>(deliveries.due(db, app.clock.stored(), [clientId])));
  }
}
