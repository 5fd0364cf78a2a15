import { z } from "zod";
import { mediaRefs } from "#core/jobs/needs";
import { Problem, type FieldError } from "#core/lib/problem";
import { isTimeZone } from "#core/lib/quiet-hours";
import { cronFlaw, nextTime, type Recurrence } from "#core/lib/recurrence";
import type { App } from "./app.ts";
import { readItem } from "./batch-check.ts";
import { commonFields, type OrderFields } from "./order.ts";
import { fieldErrors, pointerTo } from "./validate.ts";

/** What a schedule takes besides the job that it makes. */
export const recurrenceFields = {
  cron: z
    .string()
    .max(200)
    .superRefine((text, context) => {
      const flaw = cronFlaw(text);
      if (flaw !== null)
        context.addIssue({ code: "custom", message: flaw, params: { code: "invalid_value" } });
    })
    .describe("A cron expression of five parts, or a nickname such as `@daily`."),
  time_zone: z
    .string()
    .refine(isTimeZone, "A time zone of IANA, as Europe/Berlin")
    .describe("Whose clocks it goes by."),
  catch_up: z
    .enum(["skip", "once"])
    .describe(
      "What becomes of times that passed while the installation was down: none is done, or one for all of them.",
    ),
};

const recurrence = z.object({
  ...recurrenceFields,
  time_zone: recurrenceFields.time_zone.default("UTC"),
  catch_up: recurrenceFields.catch_up.default("skip"),
});

const { order, expires_after_s, max_attempts, metadata, callback_url } = commonFields.shape;

/** The job of a schedule, for its description. */
export const jobFields = { order, expires_after_s, max_attempts, metadata, callback_url };

/** The body of a new schedule, for its description. */
export const scheduleBody = z.strictObject({
  ...recurrence.shape,
  kind: z.string().optional().describe("Default: `tweet.create`."),
  params: z
    .record(z.string(), z.unknown())
    .describe("As `POST /v1/jobs` takes them for this kind; or its fields beside the others, as in a batch."),
  ...jobFields,
});

const NOT_HERE = ["run_at", "expires_at", "dry_run"];

/** Read a new schedule: when it comes, and its job. Throws 422 with every mistake of both. */
export function readSchedule(
  app: Pick<App, "kinds">,
  body: Record<string, unknown>,
  now: number,
): { recurrence: z.output<typeof recurrence>; fields: OrderFields } {
  const { cron, time_zone, catch_up, ...job } = body;
  const read = recurrence.safeParse({ cron, time_zone, catch_up });
  const errors = [
    ...(read.success ? neverErrors(read.data, now) : fieldErrors(read.error)),
    ...NOT_HERE.filter((name) => name in job).map((name) =>
      error(`/${name}`, "not_here", "A schedule says itself when its jobs are due"),
    ),
  ];
  const rest = Object.fromEntries(Object.entries(job).filter(([name]) => !NOT_HERE.includes(name)));
  const fields = jobOf(app, rest, now, errors);
  if (errors.length > 0 || !read.success || !fields) throw new Problem("invalid", { errors });
  return { recurrence: read.data, fields };
}

/** The job as an item of a batch is read; what is wrong with it joins `errors`. */
function jobOf(
  { kinds }: Pick<App, "kinds">,
  job: Record<string, unknown>,
  now: number,
  errors: FieldError[],
): OrderFields | null {
  try {
    const fields = readItem(kinds, job, now);
    errors.push(...mediaErrors(fields));
    return fields;
  } catch (thrown) {
    if (!(thrown instanceof Problem) || !thrown.extra.errors) throw thrown;
    errors.push(...thrown.extra.errors);
    return null;
  }
}

/** Media of ours are kept for one job, not for one that comes again. */
export const mediaErrors = (fields: Pick<OrderFields, "kind" | "params" | "pointer">): FieldError[] =>
  mediaRefs(fields).map(({ path }) =>
    error(pointerTo(path, fields.pointer), "not_here", "Media uploaded here are not kept for a schedule"),
  );

/** An expression that is one, and comes never. */
export const neverErrors = (of: Recurrence, now: number): FieldError[] =>
  nextTime(of, now) === null ? [error("/cron", "invalid_value", "This time never comes")] : [];

const error = (pointer: string, code: string, detail: string): FieldError => ({ pointer, code, detail });
