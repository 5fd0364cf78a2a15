import type { z } from "zod";
import type { GateRef, Outcome } from "#core/lib/outcome";
import type { XClient } from "#core/x/client";
import type { Backoff } from "./backoff.ts";

export type QueueName = "tweets" | "refresh";

/** Part of X that can be out of order by itself. */
export type Part = "tweets" | "oauth";

/**
 * What a kind's `run` is given besides its params: the way to X for its account (which X refuses where the kind needs no
 * `token`), and the way to refresh the account's token.
 */
export type RunContext = { x: XClient; now: () => number; refresh: Refresh };

/** What is known of a job that X may have acted on. */
export type Sent = {
  /** When the first attempt without a clear answer was claimed: epoch ms, by D1's clock. */
  at: number;
  /** The newest thing of its lane that was known then. */
  newest_id: string | null;
  x_user_id: string;
  /** X's clock minus ours, by the last answer: 0 before there is one. */
  skew_ms: () => number;
  /** Which of these are the results of the account's other jobs. */
  taken: (ids: readonly string[]) => Promise<Set<string>>;
};

/** Replace an account's token pair of a `version`; null: whichever there was when it was asked for (epoch ms). */
export type Refresh = (accountId: string, asked: { version: number | null; at: number }) => Promise<Outcome>;

/** One run of one job: what the client asked for, and where an earlier run got to. */
export type RunInput<Params> = {
  params: Params;
  checkpoint: unknown;
  job_id: string;
  account_id: string;
  /** Epoch ms. */
  created_at: number;
};

/** Something a client should know of a job that was taken all the same. */
export type Warning = { code: string; detail: string };

/** Every kind acts for an account. */
export type ParamsSchema = z.ZodType<{ account_id: string }>;

/**
 * A kind of job. Everything else is derived from it: what the API takes, its lane and wake-ups, what may be repeated.
 *
 * - `lane`: jobs of an account that must take turns share one; named `{lane}:{account}`.
 * - `endpoint`: the endpoint of X whose window the lane keeps to.
 * - `part`: the part of X it speaks to.
 * - `token`: whether it acts with the account's access token.
 * - `housekeeping`: of our own making; clients see such jobs when they ask for the kind.
 * - `ordered`: whether a job that backs off keeps its place and holds those behind it.
 * - `repeatable`: may `run` be done twice? If not, an unclear end is `unknown`, and only `reconcile` may go on.
 */
export type Kind<Name extends string = string, Schema extends ParamsSchema = ParamsSchema> = {
  name: Name;
  queue: QueueName;
  lane: string;
  endpoint: string;
  part: Part;
  token: boolean;
  housekeeping?: boolean;
  ordered: boolean;
  scopes: readonly string[];
  params: Schema;
  example: z.input<Schema>;
  backoff: Backoff;
  repeatable: boolean;
  warnings?(params: z.output<Schema>): Warning[];
  run(input: RunInput<z.output<Schema>>, context: RunContext): Promise<Outcome>;
  reconcile?(input: RunInput<z.output<Schema>>, context: RunContext & { sent: Sent }): Promise<Outcome>;
  /** The result of a job that a person found at X, by the id of what was found. */
  found?(id: string): unknown;
};

/** States a kind. The types of its params follow from its schema. */
export const defineJob = <const Name extends string, Schema extends ParamsSchema>(
  kind: Kind<Name, Schema>,
): Kind<Name, Schema> => kind;

/** The lane of a kind's job for an account. */
export const laneOf = (kind: Pick<Kind, "lane">, accountId: string): string => `${kind.lane}:${accountId}`;

/** A gate's name, with `{app}` and `{account}` for what only the job or its lane knows. */
export function gateName(gate: GateRef): string {
  if (gate.scope === "window") return `window:{account}:${gate.endpoint}`;
  return gate.scope === "account" ? "account:{account}" : `${gate.scope}:{app}`;
}

type Gated = Pick<Kind, "part" | "endpoint" | "token">;

/** What must be open for a kind's lane to run. A refresh waits neither for its account nor for the app's windows. */
export const gateNames = (kind: Gated): string[] => [
  `x:${kind.part}`,
  ...(kind.token
    ? [{ scope: "app" } as const, { scope: "account" } as const, windowOf(kind)].map(gateName)
    : [gateName({ scope: "oauth" })]),
];

const windowOf = ({ endpoint }: Gated): GateRef => ({ scope: "window", endpoint });

/** The same as the store takes it: a JSON list, whose `{app}` and `{account}` it fills in. */
export const gatesOf = (kind: Gated): string => JSON.stringify(gateNames(kind));
