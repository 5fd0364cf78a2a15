import { randomText, shardOf } from "#core/lib/ids";
import type { Log } from "#core/lib/log";
import type { Outcome } from "#core/lib/outcome";
import * as bindings from "#core/store/media-bindings";
import type { BoundRow } from "#core/store/media-bindings";
import { shard, type Databases } from "#core/store/shard";
import { all } from "#core/store/sql";
import * as uploads from "#core/store/uploads";
import type { UploadRow } from "#core/store/uploads";
import type { Fetch } from "#core/x/client";
import { fetchSource } from "./fetch-source.ts";
import { readInto } from "./objects.ts";
import { resolve, type Known, type Resolved } from "./resolve.ts";

const WRITER_LENGTH = 16;

/** What a job can do with media: those of its client, for its account. */
export type MediaRoom = {
  find(id: string): Promise<Known>;
  resolve(ids: readonly string[]): Promise<Resolved>;
  /** Note that this job sends it. */
  take(id: string): Promise<void>;
  /** X does not know it by this id. */
  forget(id: string, xMediaId: string): Promise<void>;
  /** Read its bytes into `target`, from `at` on. */
  read(id: string, range: { offset: number; length: number }, target: Uint8Array, at: number): Promise<void>;
  /** Fetch what there is to be fetched of it, as long as there is time. */
  fetch(upload: UploadRow, mayCall: () => boolean): Promise<Outcome>;
};

/** What a room is made of. */
export type Parts = {
  databases: Databases;
  /** null in a Worker that has no business with bytes. */
  bucket: R2Bucket | null;
  network: Fetch;
  /** Fetch also from this machine. */
  allow_local: boolean;
  now: () => number;
  stored: () => number | null;
  log: Log;
};

type Owner = { client_id: string; account_id: string; job_id: string };

export function createMediaRoom(parts: Parts, { client_id, account_id, job_id }: Owner): MediaRoom {
  const { databases, now } = parts;
  const bucketThere = (): R2Bucket => {
    if (!parts.bucket) throw new Error("this Worker has no bucket");
    return parts.bucket;
  };
  const databaseOf = (id: string): D1Database => {
    const db = shard(databases, id);
    if (!db) throw new Error(`no database is bound for ${id}`);
    return db;
  };
  // Not before it is asked for: what is not done for an account has none.
  const home = (): D1Database => databaseOf(account_id);

  async function findAll(ids: readonly string[]): Promise<Map<string, Known>> {
    const wanted = ids.map((media_id) => ({ account_id, media_id }));
    const bound = await all<BoundRow>(bindings.find(home(), wanted));
    const known = new Map<string, Known>();
    for (const some of Map.groupBy(ids, shardOf).values()) {
      const found = await all<UploadRow>(uploads.findAll(databaseOf(some[0] ?? ""), client_id, some));
      for (const id of some)
        known.set(id, {
          upload: found.find((upload) => upload.id === id) ?? null,
          bound: bound.find(({ media_id }) => media_id === id) ?? null,
        });
    }
    return known;
  }

  return {
    find: async (id) => (await findAll([id])).get(id) ?? { upload: null, bound: null },
    resolve: (ids) => resolve(ids, findAll, now()),
    take: async (media_id) => {
      await bindings.take(home(), { account_id, media_id, client_id, job_id }).run();
    },
    forget: async (media_id, x_media_id) => {
      await bindings.forget(home(), { account_id, media_id, x_media_id }).run();
    },
    read: (id, range, target, at) =>
      readInto({ bucket: bucketThere(), db: databaseOf(id) }, id, range, target, at),
    fetch: (upload, mayCall) => {
      const { id } = upload;
      const db = databaseOf(id);
      // The job that fetches it goes on with it: nobody else is to be asked.
      const intake = { ...parts, db, bucket: bucketThere(), onWhole: () => Promise.resolve([]) };
      return fetchSource({ ...parts, intake, mayCall, writer: randomText(WRITER_LENGTH) }, { client_id, id });
    },
  };
}
