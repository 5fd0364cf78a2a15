import type { TellingRow } from "#core/store/events";
import { endedMedium } from "#core/media/view";
import { showEvent, type EventView } from "#core/webhooks/event-view";
import { endedBatch } from "./batch-view.ts";
import type { Kinds } from "./registry.ts";
import { jobView, NOTHING_HOLDS } from "./view.ts";

/** An event as the API shows it, and as receivers are sent it: with the job, batch or medium as the API showed it then. */
export const tellingView = (event: TellingRow, kinds: Kinds): EventView =>
  showEvent(event, {
    job: (job) => jobView(job, kinds, event.created_at, NOTHING_HOLDS),
    batch: endedBatch,
    medium: endedMedium,
  });
