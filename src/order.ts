import { z } from "zod";
import type { Kind } from "#core/jobs/define";
import type { Order } from "#core/jobs/enqueue";
import { utf8 } from "#core/lib/bytes";
import { DAY_MS } from "#core/lib/clock";
import { Problem, type FieldError } from "#core/lib/problem";
import { fieldErrors } from "./validate.ts";

const METADATA_BYTES = 2048;
const METADATA_DEPTH = 8;
const PARAMS_BYTES = 256 * 1024;
const AHEAD_MS = 366 * DAY_MS;

const moment = z.iso.datetime({ offset: true });

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
  order: z
    .literal("any")
    .optional()
    .describe("Need not keep its place among the account's jobs while it backs off."),
  max_attempts: z.int().min(1).max(20).optional(),
  metadata: metadata.optional(),
});

const isCommon = (name: string): boolean => Object.hasOwn(commonFields.shape, name);

export type OrderFields = Omit<Order, "client_id">;

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
  if (readParams.success && bytesOf(readParams.data) > PARAMS_BYTES)
    errors.push({ pointer, code: "too_big", detail: `Params may have ${PARAMS_BYTES} bytes` });
  if (errors.length > 0 || !read.success || !readParams.success) throw new Problem("invalid", { errors });
  const { run_at, expires_at, order, max_attempts, metadata } = read.data;
  return {
    kind,
    account_id: readParams.data.account_id,
    params: readParams.data,
    run_at: epoch(run_at),
    expires_at: epoch(expires_at),
    any_order: order === "any",
    max_attempts: max_attempts ?? null,
    metadata: metadata ?? null,
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
function times({ run_at, expires_at }: Record<string, unknown>, now: number): FieldError[] {
  const errors: FieldError[] = [];
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
  return bytesOf(value) <= METADATA_BYTES;
}

const bytesOf = (value: unknown): number => utf8(JSON.stringify(value)).length;

/** How deep a value nests; stops counting past `bound`. */
function depth(value: unknown, bound: number): number {
  if (typeof value !== "object" || value === null || bound < 0) return 0;
  let deepest = 0;
  for (const one of Object.values(value)) deepest = Math.max(deepest, depth(one, bound - 1));
  return 1 + deepest;
}
