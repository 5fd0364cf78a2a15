import type { EventRow, MediaEvent } from "#core/store/events";
import type { CountRow } from "#core/store/batch-jobs";
import type { BatchRow } from "#core/store/batches";
import type { JobRow } from "#core/store/jobs";

/** An event as the API shows it, and as receivers are sent it. */
export type EventView = { id: string; type: string; timestamp: string; data: object };

/** What is kept of a batch that has ended: its row, and how its jobs ended. */
export type BatchEvent = { batch: BatchRow; counts: CountRow[] | null };

/** How jobs, batches and media are shown; media as of when it was told (epoch ms). */
export type Shows = {
  job: (row: JobRow) => object;
  batch: (ended: BatchEvent) => object;
  medium: (ended: MediaEvent, at: number) => object;
};

/**
 * Show an event. What it says of a job, batch or medium was kept as the row was then; `shows` makes of it what the API shows, of a
 * job with its params, which do not change.
 */
export function showEvent(row: EventRow & Pick<JobRow, "params">, shows: Shows): EventView {
  const data = JSON.parse(row.data) as object;
  return {
    id: row.id,
    type: row.type,
    timestamp: new Date(row.created_at).toISOString(),
    data: shown(row, data, shows),
  };
}

type Told = Pick<EventRow, "type" | "created_at"> & Pick<JobRow, "params">;

function shown({ type, params, created_at }: Told, data: object, shows: Shows): object {
  if (type.startsWith("job.")) return shows.job({ ...(data as JobRow), params });
  if (type.startsWith("media.")) return shows.medium(data as MediaEvent, created_at);
  return type.startsWith("batch.") ? shows.batch(data as BatchEvent) : data;
}
