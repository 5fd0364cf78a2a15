import { z } from "zod";
import type { Kind } from "#core/jobs/define";
import type { Order } from "#core/jobs/enqueue";
import { utf8 } from "#core/lib/bytes";
import { DAY_MS } from "#core/lib/clock";
import { Problem, type FieldError } from "#core/lib/problem";
import { URL_LENGTH } from "#core/lib/public-url";
import { fieldErrors } from "./validate.ts";

const METADATA_BYTES = 2048;
const METADATA_DEPTH = 8;
const PARAMS_BYTES = 256 * 1024;
/** How far ahead a job can be scheduled. */
export const AHEAD_MS = 366 * DAY_MS;

/** A moment as clients write it. */
export const moment = z.iso.datetime({ offset: true });

/** A client's own data, kept and given back. */
export const metadata = z
  .record(z.string(), z.unknown())
  .refine((value) => isSmall(value), `At most ${METADATA_BYTES} bytes of JSON, ${METADATA_DEPTH} levels deep`)
  .describe("Yours: kept and given back.");

/** What every kind of job takes besides its params. */
export const commonFields = z.strictObject({
  run_at: moment.optional().describe("Not before; up to a year ahead. Left out: as soon as its turn comes."),
  expires_at: moment
    .optional()
    .describe("Not after: a job not sent by then fails. Default: 7 days after it is due."),
  expires_after_s: z
    .int()
    .min(1)
    .max(AHEAD_MS / 1000)
    .optional()
    .describe("The same, counted from when it is due."),
  order: z
    .literal("any")
    .optional()
    .describe("Need not keep its place among the account's jobs while it backs off."),
  max_attempts: z.int().min(1).max(20).optional(),
  metadata: metadata.optional(),
  dry_run: z.boolean().optional().describe("Only check it: 200 with warnings and price, nothing is taken."),
  callback_url: z
    .string()
    .max(URL_LENGTH)
    .optional()
    .describe("Told when the job has ended, signed with the client's webhook secret."),
});

/** What a shorthand for a kind takes, for its description: params and common fields on one level. */
export const bodyOf = (kind: { params: z.ZodObject }) =>
  z.strictObject({ ...kind.params.shape, ...commonFields.shape });

/** The same for a job of any of these kinds. */
export const anyJob = (kinds: readonly Pick<Kind, "name" | "params">[]) =>
  z.union(
    kinds.map(({ name, params }) => z.strictObject({ kind: z.literal(name), params, ...commonFields.shape })),
  );

/** Whether a field is one that every kind of job takes. */
export const isCommon = (name: string): boolean => Object.hasOwn(commonFields.shape, name);

/** `pointer`: where in the body its params stand. */
export type OrderFields = Omit<Order, "client_id" | "cost_estimated"> & { dry_run: boolean; pointer: string };

/**
 * Read what a client asks for: the common fields beside the params, which stand under `params` or, in the shorthands, on
 * the same level. Throws `invalid` with every mistake of both.
 */
export function readOrder(
  kind: Kind,
  given: Record<string, unknown>,
  now: number,
  at: "params" | "top",
): OrderFields {
  const { common, params } = split(given, at);
  const pointer = at === "params" ? "/params" : "";
  const read = commonFields.safeParse(common);
  const readParams = kind.params.safeParse(params);
  const errors = [
    ...(read.success ? [] : fieldErrors(read.error)),
    ...times(common, now),
    ...(readParams.success ? [] : fieldErrors(readParams.error, pointer)),
  ];
  if (readParams.success && isLonger(readParams.data, PARAMS_BYTES))
    errors.push({ pointer, code: "too_big", detail: `Params may have ${PARAMS_BYTES} bytes` });
  if (errors.length > 0 || !read.success || !readParams.success) throw new Problem("invalid", { errors });
  const {
    run_at,
    expires_at,
    expires_after_s,
    order,
    max_attempts,
    metadata,
    callback_url,
    dry_run = false,
  } = read.data;
  return {
    kind,
    pointer,
    account_id: readParams.data.account_id,
    params: readParams.data,
    run_at: epoch(run_at),
    expires_at: epoch(expires_at),
    expires_after_ms: expires_after_s === undefined ? undefined : expires_after_s * 1000,
    any_order: order === "any",
    max_attempts: max_attempts ?? null,
    metadata: metadata ?? null,
    dry_run,
    callback_url: callback_url ?? null,
  };
}

/** What is wrong with the common fields of a job whose kind is unknown. */
export function commonErrors(given: Record<string, unknown>, now: number): FieldError[] {
  const { common } = split(given, "params");
  const read = commonFields.safeParse(common);
  return [...(read.success ? [] : fieldErrors(read.error)), ...times(common, now)];
}

type Split = { common: Record<string, unknown>; params: unknown };

function split(given: Record<string, unknown>, at: "params" | "top"): Split {
  if (at === "params") {
    const { kind: _, params, ...common } = given;
    return { common, params };
  }
  const entries = Object.entries(given);
  return {
    common: Object.fromEntries(entries.filter(([name]) => isCommon(name))),
    params: Object.fromEntries(entries.filter(([name]) => !isCommon(name))),
  };
}

/** What is wrong with times that are times, whatever else is. */
function times({ run_at, ...until }: Record<string, unknown>, now: number): FieldError[] {
  const { expires_at, expires_after_s } = until;
  const errors: FieldError[] = [];
  if (expires_at !== undefined && expires_after_s !== undefined)
    for (const name of ["expires_at", "expires_after_s"])
      errors.push({
        pointer: `/${name}`,
        code: "exclusive",
        detail: "Only one of expires_at, expires_after_s",
      });
  const due = Math.max(epoch(moment.safeParse(run_at).data) ?? now, now);
  if (due > now + AHEAD_MS)
    errors.push({ pointer: "/run_at", code: "too_far", detail: "A job can be scheduled up to a year ahead" });
  const end = epoch(moment.safeParse(expires_at).data);
  if (end !== null && end <= due)
    errors.push({
      pointer: "/expires_at",
      code: "too_early",
      detail: "Must be later than now and than run_at",
    });
  return errors;
}

const epoch = (text: string | undefined): number | null => (text === undefined ? null : Date.parse(text));

function isSmall(value: unknown): boolean {
  if (depth(value, METADATA_DEPTH) > METADATA_DEPTH) return false;
  return !isLonger(value, METADATA_BYTES);
}

/** Whether a value has more bytes of JSON. Each UTF-16 unit has at most three, so most need not be counted. */
function isLonger(value: unknown, bytes: number): boolean {
  const json = JSON.stringify(value);
  return json.length * 3 > bytes && utf8(json).length > bytes;
}

/** How deep a value nests; stops counting past `bound`. */
function depth(value: unknown, bound: number): number {
  if (typeof value !== "object" || value === null || bound < 0) return 0;
  let deepest = 0;
  for (const one of Object.values(value)) deepest = Math.max(deepest, depth(one, bound - 1));
  return 1 + deepest;
}
