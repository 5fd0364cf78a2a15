import { z } from "zod";
import { DAY_MS } from "#core/lib/clock";
import { Problem, type FieldError } from "#core/lib/problem";
import { awake, isTimeZone, lengthOf, momentAt, type QuietHours, type Span } from "#core/lib/quiet-hours";
import { AHEAD_MS, moment } from "./order.ts";

const wallTime = z.string().regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, "A time of day, as 22:00");

/** How a batch places the items that say no time of their own. */
export const spreadFields = {
  run_at: moment.optional().describe("With `spread`: when the first item is due. Left out: now."),
  spread: z
    .strictObject({
      every_s: z
        .int()
        .min(1)
        .max(AHEAD_MS / 1000)
        .optional()
        .describe("Seconds from one item to the next."),
      until: moment.optional().describe("The time until then is divided evenly."),
    })
    .optional()
    .describe(
      "Place the items that have no `run_at` of their own, in their order: `{every_s}` or `{until}`, from `run_at` on.",
    ),
  quiet_hours: z
    .strictObject({
      from: wallTime,
      to: wallTime,
      time_zone: z.string().refine(isTimeZone, "A time zone of IANA, as Europe/Berlin"),
    })
    .optional()
    .describe("With `spread`: no item is placed in these hours of a day; `to` may be on the next."),
};

export type Spreading = { [Name in keyof typeof spreadFields]?: z.output<(typeof spreadFields)[Name]> } & {
  defaults?: Record<string, unknown> | undefined;
};

/** When so many items are due, epoch ms, in their order. Throws 422 when they do not fit. */
export type Plan = (count: number) => number[];

/** How a batch is spread by what stands beside its items, or null: it is not. Throws 422 with what is wrong with that. */
export function planOf(given: Spreading, now: number): Plan | null {
  const errors = errorsOf(given, now);
  if (errors.length > 0) throw new Problem("invalid", { errors });
  const { spread, quiet_hours: quiet = null } = given;
  if (!spread) return null;
  const start = startOf(given, now);
  const last = now + AHEAD_MS;
  const every_ms = spread.every_s === undefined ? null : spread.every_s * 1000;
  return every_ms === null
    ? (count) => dividing({ start, end: Date.parse(spread.until ?? "") }, quiet, count)
    : (count) => stepping({ start, end: last + 1 }, quiet, every_ms, count);
}

const startOf = ({ run_at }: Spreading, now: number): number =>
  Math.max(now, Date.parse(run_at ?? "") || now);

function stepping(span: Span, quiet: QuietHours | null, every_ms: number, count: number): number[] {
  const spans = awake(span, quiet);
  return Array.from({ length: count }, (_, place) => {
    const at = momentAt(spans, place * every_ms);
    if (at === null) throw refused("/spread/every_s", "too_far", tooFar("The last item"));
    return at;
  });
}

function dividing(span: Span, quiet: QuietHours | null, count: number): number[] {
  const spans = awake(span, quiet);
  const step_ms = lengthOf(spans) / Math.max(1, count);
  if (step_ms < 1)
    throw refused("/spread/until", "too_early", "No time is left until then for all of the items");
  return Array.from(
    { length: count },
    (_, place) => momentAt(spans, Math.floor(place * step_ms)) ?? span.start,
  );
}

const tooFar = (what: string): string => `${what} would be due in more than ${AHEAD_MS / DAY_MS} days`;
const refused = (pointer: string, code: string, detail: string): Problem =>
  new Problem("invalid", { errors: [{ pointer, code, detail }] });

/** What is wrong between the fields. */
function errorsOf(given: Spreading, now: number): FieldError[] {
  const { spread, quiet_hours: quiet, defaults } = given;
  const error = (pointer: string, code: string, detail: string): FieldError[] => [{ pointer, code, detail }];
  if (!spread)
    return (["run_at", "quiet_hours"] as const).flatMap((name) =>
      given[name] === undefined ? [] : error(`/${name}`, "dependent", "Goes with spread only"),
    );
  const ways = [spread.every_s, spread.until].filter((way) => way !== undefined).length;
  const start = startOf(given, now);
  const until = spread.until === undefined ? null : Date.parse(spread.until);
  return [
    ...(ways === 1 ? [] : error("/spread", "exclusive", "One of every_s, until")),
    ...(start > now + AHEAD_MS ? error("/run_at", "too_far", tooFar("The first item")) : []),
    ...(until !== null && until <= start
      ? error("/spread/until", "too_early", "Must be later than now and than run_at")
      : []),
    ...(until !== null && until > now + AHEAD_MS
      ? error("/spread/until", "too_far", tooFar("The last item"))
      : []),
    ...(quiet && quiet.from === quiet.to
      ? error("/quiet_hours/to", "invalid_value", "Must differ from `from`")
      : []),
    ...(defaults?.run_at === undefined
      ? []
      : error("/defaults/run_at", "exclusive", "With spread, run_at stands beside it")),
  ];
}
