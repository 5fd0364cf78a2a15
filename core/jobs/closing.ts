import type { GateRef } from "#core/lib/outcome";
import type { AppReading } from "#core/store/app-days";
import type { Closing } from "#core/store/gates";
import type { Rate, RateWindow } from "#core/x/headers";
import { gateName } from "./define.ts";
import type { Settling } from "./settle.ts";

/** Close a gate on behalf of a job. Its `{app}` is filled in by the store, which knows the lane's app. */
export function closing(
  job: Settling,
  gate: GateRef,
  reason: string,
  opens_in_ms: number | null,
  reading: { limit: number; remaining: number } | null,
): Closing {
  return {
    name: gateName(gate).replace("{account}", job.account_id),
    reason,
    opens_in_ms: whole(opens_in_ms),
    limit: reading?.limit ?? null,
    remaining: reading?.remaining ?? null,
    client_id: job.client_id,
    job_id: job.id,
    lease: job.lease,
    tried: isTried(gate, reason) ? 1 : 0,
    token_version: null,
  };
}

/** What X refuses an app it refuses all lanes behind it: it would be asked by all of them at once. Of a window it says when it opens. */
export const isTried = ({ scope }: GateRef, reason: string): boolean =>
  scope === "app" && reason !== "rate_limited";

/** Times in D1 are whole: it would refuse the commit of the whole turn for half a millisecond. */
export const whole = (ms: number | null): number | null => (ms === null ? null : Math.ceil(ms));

/** When a window that has nothing left resets, or null. */
export const usedUntil = (rate: Rate | undefined): number | null =>
  [rate?.window, rate?.user_day, rate?.app_day].reduce<number | null>(
    (last, window) => (window?.remaining === 0 ? Math.max(last ?? 0, window.resets_at) : last),
    null,
  );

/**
 * Windows that the last call used up are closed now, in the commit that ends its job: never overrun by the next. A reset
 * that has passed closes nothing.
 */
export function exhaustedWindows(job: Settling, readings: Map<string, Rate>, now: number): Closing[] {
  const closed = (gate: GateRef, reading: RateWindow | null): Closing[] =>
    reading?.remaining === 0 && reading.resets_at > now
      ? [closing(job, gate, "rate_limited", reading.resets_at - now, reading)]
      : [];
  return [...readings].flatMap(([endpoint, { window, user_day, app_day }]) => [
    ...closed({ scope: "window", endpoint }, window),
    ...closed({ scope: "window", endpoint }, user_day),
    ...closed({ scope: "app" }, app_day),
  ]);
}

/** What the calls of a run heard of its app's days. A reset that has passed says nothing. */
export const appReadings = (
  job: Settling,
  readings: Map<string, Rate>,
  now: number,
): Omit<AppReading, "held">[] =>
  [...readings].flatMap(([endpoint, { app_day }]) =>
    app_day && app_day.resets_at > now
      ? [
          {
            client_id: job.client_id,
            job_id: job.id,
            lease: job.lease,
            endpoint,
            allowed: app_day.limit,
            used: Math.max(0, app_day.limit - app_day.remaining),
            resets_in_ms: Math.ceil(app_day.resets_at - now),
          },
        ]
      : [],
  );
