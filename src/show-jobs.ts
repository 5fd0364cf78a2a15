import { isSettled, jobView, type AwaitedMedium, type ClosedGate, type JobView } from "#core/jobs/view";
import { shardOf } from "#core/lib/ids";
import * as gates from "#core/store/gates";
import type { JobRow } from "#core/store/jobs";
import * as bindings from "#core/store/media-bindings";
import type { BoundRow } from "#core/store/media-bindings";
import { shard } from "#core/store/shard";
import { all } from "#core/store/sql";
import * as uploads from "#core/store/uploads";
import type { UploadRow } from "#core/store/uploads";
import type { App } from "./app.ts";
import { stateOf } from "#core/media/view";

/** A job as the API shows it, with what holds it now. */
export async function show(app: App, job: JobRow): Promise<JobView> {
  const [view] = await showAll(app, [job]);
  if (!view) throw new Error("a job has no view");
  return view;
}

/** The same for jobs of one client, on one or several databases. */
export async function showAll(app: App, rows: JobRow[]): Promise<JobView[]> {
  const open = rows.filter((job) => !isSettled(job) && job.state !== "running");
  const holding = { closed: await closedGates(app, open), awaited: await awaitedMedia(app, open) };
  return rows.map((job) => jobView(job, app.kinds, app.clock.now(), holding));
}

/** The closed gates of the lanes of those jobs. */
const closedGates = (app: App, rows: JobRow[]): Promise<ClosedGate[]> =>
  onEach(
    app,
    rows,
    ({ id }) => id,
    (db, some) => gates.closedFor(db, app.clock.stored(), [...new Set(some.map(({ lane }) => lane))]),
  );

/** The media that those jobs have given up their place for. */
async function awaitedMedia(app: App, rows: JobRow[]): Promise<AwaitedMedium[]> {
  const wanted = rows.flatMap(({ client_id, account_id, awaits }) =>
    awaits === null ? [] : [{ client_id, account_id, media_id: awaits }],
  );
  const clientId = wanted[0]?.client_id;
  if (clientId === undefined) return [];
  const ofMedium = ({ media_id }: { media_id: string }) => media_id;
  const found = await onEach<UploadRow, (typeof wanted)[number]>(app, wanted, ofMedium, (db, some) =>
    uploads.findAll(db, clientId, [...new Set(some.map(ofMedium))]),
  );
  const bound = await onEach<BoundRow, (typeof wanted)[number]>(
    app,
    wanted,
    ({ account_id }) => account_id,
    (db, some) => bindings.find(db, some),
  );
  return wanted.map(({ account_id, media_id }) => {
    const upload = found.find(({ id }) => id === media_id);
    const binding = bound.find((one) => one.media_id === media_id && one.account_id === account_id) ?? null;
    const state = upload ? stateOf(upload, binding, app.clock.now()) : "gone";
    return { account_id, id: media_id, state };
  });
}

/** Ask each database about those rows that it knows. */
async function onEach<Found, Row>(
  app: App,
  rows: Row[],
  idOf: (row: Row) => string,
  ask: (db: D1Database, some: Row[]) => D1PreparedStatement,
): Promise<Found[]> {
  const found: Found[] = [];
  for (const [name, some] of Map.groupBy(rows, (row) => shardOf(idOf(row)))) {
    const db = shard(app.databases, name);
    if (db) found.push(...(await all<Found>(ask(db, some))));
  }
  return found;
}
