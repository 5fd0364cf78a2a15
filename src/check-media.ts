import type { MediaRef } from "#core/jobs/define";
import { mediaRefs, type Needing } from "#core/jobs/needs";
import { shardOf } from "#core/lib/ids";
import type { FieldError, ProblemBody } from "#core/lib/problem";
import { shard } from "#core/store/shard";
import { all } from "#core/store/sql";
import * as uploads from "#core/store/uploads";
import type { UploadRow } from "#core/store/uploads";
import type { App } from "./app.ts";
import { clientOf, mayUse, type Caller } from "./auth.ts";
import { pointerTo } from "./validate.ts";

/** What is to be taken; `pointer`: where in the body its params stand. */
type Checked = Pick<Needing, "kind" | "params"> & { pointer: string };

/** So many ids are a parameter of much less than D1 takes. */
const A_TIME = 10_000;

/**
 * What is wrong with the media of jobs that are to be taken, for each of them: that there are none by these ids which the caller
 * may use, or that nothing can be made of them any more.
 */
export async function mediaErrors(
  app: App,
  caller: Caller,
  jobs: readonly Checked[],
): Promise<FieldError[][]> {
  return refErrors(
    app,
    caller,
    jobs.map((job) => ({ refs: mediaRefs(job), pointer: job.pointer })),
  );
}

type Placed = { refs: MediaRef[]; pointer: string };

/** The same for media that are named in some places. */
export async function refErrors(
  app: App,
  caller: Caller,
  places: readonly Placed[],
): Promise<FieldError[][]> {
  const refs = places.map((place) => place.refs);
  const known = await findMedia(app, caller, [...new Set(refs.flat().map(({ id }) => id))]);
  const now = app.clock.now();
  return places.map(({ refs, pointer }) =>
    refs.flatMap(({ id, path }) => {
      const error = errorOf(known.get(id), now);
      return error ? [{ pointer: pointerTo(path, pointer), ...error }] : [];
    }),
  );
}

async function findMedia(app: App, caller: Caller, ids: string[]): Promise<Map<string, UploadRow>> {
  const found: UploadRow[] = [];
  for (const some of Map.groupBy(ids, shardOf).values()) {
    const db = shard(app.databases, some[0] ?? "");
    for (let from = 0; db && from < some.length; from += A_TIME)
      found.push(
        ...(await all<UploadRow>(uploads.findAll(db, clientOf(caller), some.slice(from, from + A_TIME)))),
      );
  }
  return new Map(found.filter(({ account_id }) => mayUse(caller, account_id)).map((row) => [row.id, row]));
}

function errorOf(upload: UploadRow | undefined, now: number): Omit<FieldError, "pointer"> | null {
  if (!upload) return { code: "not_found", detail: "No such medium" };
  if (upload.error !== null)
    return { code: "media_failed", detail: (JSON.parse(upload.error) as ProblemBody).detail };
  const isLate = upload.state === "receiving" && upload.expires_at <= now;
  return upload.cleared_at !== null || isLate
    ? { code: "media_gone", detail: "The bytes of this medium are gone" }
    : null;
}
