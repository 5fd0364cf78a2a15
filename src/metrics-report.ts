import { partGate, parts as partNames } from "#core/jobs/define";
import * as gauges from "#core/store/gauges";
import type { AppWindowRow, OpenRow, WindowRow } from "#core/store/gauges";
import { shard } from "#core/store/shard";
import * as status from "#core/store/status";
import type { ClosedRow, Counted, DueRow, PartRow } from "#core/store/status";
import * as tallies from "#core/store/tallies";
import type { Counts } from "#core/store/tallies";
import type { App } from "./app.ts";
import { ORPHANED_MS } from "./status.ts";

/** What one database says: a few rows of tallies, and bounded looks at what is open. */
export type Report = {
  counts: Counts;
  parts: PartRow[];
  closed: ClosedRow[];
  due: DueRow[];
  windows: WindowRow[];
  apps: AppWindowRow[];
  dead: number;
  parked: number;
  reconnect: number;
  orphans: number;
  open: OpenRow[];
  rows_read: number;
};

/** Read what one database says, in one batch. */
export async function reportOf(app: App, name: string): Promise<Report> {
  const db = shard(app.databases, name);
  if (db === null) throw new Error(`no database ${name}`);
  const now = app.clock.stored();
  const results = await db.batch([
    tallies.all(db),
    status.parts(db, now, partNames.map(partGate)),
    status.closed(db, now, [], null),
    status.due(db, now, [], null),
    gauges.windows(db, now),
    gauges.appWindows(db, now),
    status.count(db, "dead", [], null),
    status.count(db, "parked", [], null),
    gauges.toReconnect(db),
    status.countOrphans(db, now, ORPHANED_MS, null),
    gauges.open(db),
  ]);
  const rows = <Row>(index: number): Row[] => (results[index]?.results ?? []) as Row[];
  const counted = (index: number): number => rows<Counted>(index)[0]?.count ?? 0;
  return {
    counts: added(rows<{ counts: string }>(0).map(({ counts }) => JSON.parse(counts) as Counts)),
    parts: rows(1),
    closed: rows(2),
    due: rows(3),
    windows: rows(4),
    apps: rows(5),
    dead: counted(6),
    parked: counted(7),
    reconnect: counted(8),
    orphans: counted(9),
    open: rows(10),
    rows_read: sum(results.map(({ meta }) => meta.rows_read)),
  };
}

/** Counts by key, of all of these. */
export function added(some: Counts[]): Counts {
  const all: Counts = {};
  for (const counts of some)
    for (const [key, value] of Object.entries(counts)) all[key] = (all[key] ?? 0) + value;
  return all;
}

export const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
