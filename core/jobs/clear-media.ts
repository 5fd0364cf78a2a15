import { DAY_MS } from "#core/lib/clock";
import { removeObjects } from "#core/media/objects";
import * as chunks from "#core/store/chunks";
import * as bindings from "#core/store/media-bindings";
import * as uses from "#core/store/media-uses";
import { shard, shards } from "#core/store/shard";
import { all } from "#core/store/sql";
import * as uploads from "#core/store/uploads";
import type { UploadRow } from "#core/store/uploads";
import type { Engine } from "./engine.ts";
import { KEPT_FOR_MS } from "./limits.ts";

/** Each is some calls to R2: what is left over is taken by the next run. */
const A_TIME = 50;
const ROUNDS = 10;

/**
 * Let the bytes of media go whose time has come: those of uploads that never became whole, and those that no job needs any
 * more. What is known of them stays for another 30 days.
 */
export async function clearMedia(engine: Engine, bucket: R2Bucket): Promise<void> {
  const bound = shards(engine.databases).flatMap((name) => shard(engine.databases, name) ?? []);
  for (const db of bound)
    for (let round = 0; round < ROUNDS; round++) {
      const found = await all<UploadRow>(uploads.expired(db, engine.clock.stored(), A_TIME));
      const needed = await neededOf(bound, found);
      for (const upload of found) await clear(engine, bucket, db, upload, needed.has(upload.id));
      if (found.length < A_TIME) break;
    }
}

async function clear(engine: Engine, bucket: R2Bucket, db: D1Database, upload: UploadRow, isNeeded: boolean) {
  const now = engine.clock.stored();
  const { client_id, id, account_id } = upload;
  // Somebody may take it up to send it or to post it: it is asked again tomorrow.
  if (isNeeded) {
    await uploads.keep(db, now, client_id, id, DAY_MS).run();
    return;
  }
  if (upload.cleared_at !== null) {
    await db.batch([
      bindings.remove(db, client_id, id, [account_id]),
      uses.remove(db, client_id, id),
      uploads.remove(db, client_id, id),
    ]);
    return;
  }
  await removeObjects(bucket, id);
  await db.batch([chunks.remove(db, id), uploads.cleared(db, now, client_id, id, KEPT_FOR_MS)]);
  engine.log("media.cleared", { media: id, state: upload.state });
}

/** Those of these media that a job needs, or a video that is kept, on whatever database it stands. */
async function neededOf(bound: D1Database[], found: UploadRow[]): Promise<Set<string>> {
  const whole = found.filter(({ state, cleared_at }) => state === "received" && cleared_at === null);
  if (whole.length === 0) return new Set();
  const subtitles = whole.filter(({ media_category }) => media_category === "subtitles");
  const rows = await Promise.all(
    bound.flatMap((db) => [
      all<{ id: string }>(uses.needed(db, whole)),
      ...(subtitles.length > 0 ? [all<{ id: string }>(uses.named(db, subtitles))] : []),
    ]),
  );
  return new Set(rows.flat().map(({ id }) => id));
}
