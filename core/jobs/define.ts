import type { z } from "zod";
import type { Outcome } from "#core/lib/outcome";
import type { XClient } from "#core/x/client";
import type { Backoff } from "./backoff.ts";

export type QueueName = "tweets";

/** What a kind's `run` is given besides its params. */
export type RunContext = { x: XClient; now: () => number };

/** One run of one job: what the client asked for, and where an earlier run got to. */
export type RunInput<Params> = { params: Params; checkpoint: unknown; job_id: string; account_id: string };

/** Something a client should know of a job that was taken all the same. */
export type Warning = { code: string; detail: string };

/** Every kind acts for an account. */
export type ParamsSchema = z.ZodType<{ account_id: string }>;

/**
 * A kind of job. Everything else is derived from it: what the API takes, its lane and wake-ups, what may be repeated.
 *
 * - `lane`: jobs of an account that must take turns share one; named `{lane}:{account}`.
 * - `endpoint`: the endpoint of X whose window the lane keeps to.
 * - `ordered`: whether a job that backs off keeps its place and holds those behind it.
 * - `repeatable`: may `run` be done twice? If not, an unclear end is `unknown`, and only `reconcile` may go on.
 */
export type Kind<Name extends string = string, Schema extends ParamsSchema = ParamsSchema> = {
  name: Name;
  queue: QueueName;
  lane: string;
  endpoint: string;
  part: "tweets";
  ordered: boolean;
  scopes: readonly string[];
  params: Schema;
  example: z.input<Schema>;
  backoff: Backoff;
  repeatable: boolean;
  warnings?(params: z.output<Schema>): Warning[];
  run(input: RunInput<z.output<Schema>>, context: RunContext): Promise<Outcome>;
  reconcile?(input: RunInput<z.output<Schema>>, context: RunContext): Promise<Outcome>;
};

/** States a kind. The types of its params follow from its schema. */
export const defineJob = <const Name extends string, Schema extends ParamsSchema>(
  kind: Kind<Name, Schema>,
): Kind<Name, Schema> => kind;

/** The lane of a kind's job for an account. */
export const laneOf = (kind: Pick<Kind, "lane">, accountId: string): string => `${kind.lane}:${accountId}`;

/** The gates of a kind's lane, as the store fills them in: a JSON list with `{app}` and `{account}`. */
export const gatesOf = (kind: Pick<Kind, "part" | "endpoint">): string =>
  JSON.stringify([`x:${kind.part}`, "app:{app}", "account:{account}", `window:{account}:${kind.endpoint}`]);
