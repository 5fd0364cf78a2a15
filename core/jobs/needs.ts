import { isMedium } from "#core/media/resolve";
import * as lanes from "#core/store/lanes";
import * as bindings from "#core/store/media-bindings";
import type { UploadAsk } from "#core/store/media-bindings";
import * as uses from "#core/store/media-uses";
import type { UseRow } from "#core/store/media-uses";
import { asScheduled } from "./commit.ts";
import type { Kind, MediaRef } from "./define.ts";
import { AHEAD_MS, uploadOf } from "./uploads.ts";

/** A job that is being taken, as far as media go. */
export type Needing = {
  client_id: string;
  account_id: string;
  kind: Kind;
  params: unknown;
  run_at: number | null;
  job_id: string;
};

/** So many rows are a parameter of much less than D1 takes. */
const A_TIME = 2_000;

/** The media of ours that a job needs or sends, and where in its params they stand. */
export function mediaRefs({ kind, params }: Pick<Needing, "kind" | "params">): MediaRef[] {
  const given = params as { account_id: string };
  const medium = kind.medium?.(given);
  const refs = medium === undefined ? (kind.media?.(given) ?? []) : [{ id: medium, path: ["media_id"] }];
  return refs.filter(({ id }) => isMedium(id));
}

/** The media of ours that a job needs. What sends one needs nothing more. */
export const mediaOf = (of: Pick<Needing, "kind" | "params">): string[] =>
  of.kind.medium ? [] : [...new Set(mediaRefs(of).map(({ id }) => id))];

/**
 * What goes into the commit that takes jobs which need media: they are kept as long as those are not done, and sent to X a
 * little before they are due. One that is due sooner asks by itself.
 */
export async function needsOf(
  db: D1Database,
  jobs: readonly Needing[],
  clock: { now: number; stored: number | null },
): Promise<D1PreparedStatement[]> {
  const noted: UseRow[] = [];
  const asks = new Map<string, UploadAsk>();
  for (const job of jobs) {
    const { client_id, account_id, job_id, run_at } = job;
    for (const media_id of mediaOf(job)) {
      noted.push({ media_id, client_id, job_id });
      if (run_at === null || run_at - AHEAD_MS <= clock.now) continue;
      const reason = { ahead: true, run_at: run_at - AHEAD_MS, job_id } as const;
      const ask = await uploadOf({ client_id, account_id, media_id }, reason);
      // Those that are close together share one: it is sent for the first of them.
      const same = asks.get(ask.job_id);
      if (!same || (same.run_at ?? 0) > reason.run_at) asks.set(ask.job_id, ask);
    }
  }
  return [
    ...parts(noted).map((some) => uses.insert(db, some)),
    ...parts([...asks.values()]).flatMap((some) => [
      bindings.ask(db, clock.stored, some),
      lanes.schedule(db, clock.stored, some.map(asScheduled)),
    ]),
  ];
}

const parts = <Row>(rows: readonly Row[]): Row[][] =>
  Array.from({ length: Math.ceil(rows.length / A_TIME) }, (_, index) =>
    rows.slice(index * A_TIME, (index + 1) * A_TIME),
  );
