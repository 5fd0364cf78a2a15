import type { z } from "zod";
import type { GateRef, Outcome } from "#core/lib/outcome";
import type { FieldError, Problem } from "#core/lib/problem";
import type { Delivery } from "#core/webhooks/send";
import type { MediaRoom } from "#core/media/room";
import type { XClient } from "#core/x/client";
import type { Prices } from "#core/x/prices";
import type { TweetBody } from "#core/x/tweet-body";
import type { Backoff } from "./backoff.ts";

export type QueueName = "tweets" | "refresh" | "media" | "webhooks";

/** Parts of X that can be out of order by themselves. */
export const parts = ["tweets", "oauth", "reads", "media", "timelines"] as const;

/** A part of X; or `webhooks`, where each receiver has a gate of its own. */
export type Part = (typeof parts)[number] | "webhooks";

/** The gate that is closed while this part is left alone. */
export const partGate = (part: Part): string => `x:${part}`;

/**
 * What a kind's `run` is given besides its params: the way to X for its account (which X refuses where the kind needs no
 * `token`), the way to refresh the account's token, and the way to receivers of webhooks.
 */
export type RunContext = {
  x: XClient;
  now: () => number;
  refresh: Refresh;
  send: Send;
  /** When the window of an endpoint that this run has used up resets (epoch ms), or null. */
  resetOf: (endpoint: string) => number | null;
} & Room;

/** What a job is given of media and of its own progress. */
export type Room = {
  media: MediaRoom;
  /** Whether enough of the lease is left for another call. */
  mayCall: () => boolean;
  /** Keep a checkpoint while the run goes on: a stop goes on from there. Throws when somebody else is at the job. */
  save: (checkpoint: unknown) => Promise<void>;
};

/** What is known of a job that X may have acted on. */
export type Sent = {
  /** When the first attempt without a clear answer was claimed: epoch ms, by D1's clock. */
  at: number;
  /** The newest thing of its lane that was known then. */
  newest_id: string | null;
  x_user_id: string;
  /** X's clock minus ours, by the last answer: 0 before there is one. */
  skew_ms: () => number;
  /** Says that X took this tweet: only now is it known to have been billed. */
  found: (tweet: TweetBody) => void;
  /** Which of these are the results of the account's other jobs. */
  taken: (ids: readonly string[]) => Promise<Set<string>>;
};

/**
 * Replace an account's token pair of a `version`; null: whichever there was when it was asked for (epoch ms). `hear` is told
 * whether X was well, if it was asked.
 */
export type Refresh = (
  accountId: string,
  asked: { version: number | null; at: number },
  hear?: (well: boolean) => void,
) => Promise<Outcome>;

/** Send an event of the job's client to a receiver. */
export type Send = (delivery: Omit<Delivery, "client_id">) => Promise<Outcome>;

/** One run of one job: what the client asked for, and where an earlier run got to. */
export type RunInput<Params> = {
  params: Params;
  checkpoint: unknown;
  job_id: string;
  account_id: string;
  /** The account's id at X. */
  x_user_id: string;
  /** Epoch ms. */
  created_at: number;
};

/** A medium that a job needs, by the id that its client gave, and where in the params that stands. */
export type MediaRef = { id: string; path: readonly (string | number)[] };

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
 * - `own`: the engine asks for it, too: a trigger counts how many there are (migrations/0020_tallies.sql).
 * - `internal`: never asked for by clients, nor shown to them as jobs.
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
  own?: boolean;
  internal?: boolean;
  ordered: boolean;
  scopes: readonly string[];
  params: Schema;
  example: z.input<Schema>;
  backoff: Backoff;
  repeatable: boolean;
  /** What a job will cost from its checkpoint on if all goes well, in micro-USD; without it, nothing. */
  cost?(params: z.output<Schema>, prices: Prices, checkpoint?: unknown): number;
  /** The medium that it sends: it has a lane of its own, and its end is what others wait for. */
  medium?(params: z.output<Schema>): string;
  /** The media that it needs. */
  media?(params: z.output<Schema>): readonly MediaRef[];
  warnings?(params: z.output<Schema>): Warning[];
  /** What X takes from an account only once in a while, if anything: a tweet's text. */
  once?(params: z.output<Schema>): string | null;
  run(input: RunInput<z.output<Schema>>, context: RunContext): Promise<Outcome>;
  reconcile?(input: RunInput<z.output<Schema>>, context: RunContext & { sent: Sent }): Promise<Outcome>;
  /** What a person found at X, by its id, makes of a job: the same as if `run` had done it. */
  found?(id: string, input: Pick<RunInput<z.output<Schema>>, "params" | "checkpoint">): Outcome;
  /** Where a job goes on from that X's no has ended, to take back what it did before; null: nothing is to be taken back. */
  undo?(input: Pick<RunInput<z.output<Schema>>, "params" | "checkpoint">, problem: Problem): unknown;
  /**
   * What of other params is in the way of what a job has already done that stopped short: pointers into the params. Without it,
   * they stay as they are.
   */
  amend?(
    input: Pick<RunInput<z.output<Schema>>, "params" | "checkpoint">,
    next: z.output<Schema>,
  ): FieldError[];
  /** Whether what comes behind a job waits for its client's decision when it stops short of its end. */
  holds?(params: z.output<Schema>): boolean;
};

/** States a kind. The types of its params follow from its schema. */
export const defineJob = <const Name extends string, Schema extends ParamsSchema>(
  kind: Kind<Name, Schema>,
): Kind<Name, Schema> => kind;

/** What a job will cost from its checkpoint on if all goes well, in micro-USD. `params` are read by the kind's own schema. */
export const costOf = (
  { kind, params, checkpoint }: { kind: Kind; params: unknown; checkpoint?: unknown },
  prices: Prices,
): number => kind.cost?.(params as never, prices, checkpoint) ?? 0;

/** The lane of a kind's job for an account: what sends a medium has one for it alone. */
export const laneOf = (kind: Pick<Kind, "lane" | "medium">, accountId: string, params?: unknown): string => {
  const medium = params === undefined ? undefined : kind.medium?.(params as { account_id: string });
  return [kind.lane, ...(medium === undefined ? [] : [medium]), accountId].join(":");
};

/** A gate's name, with `{app}` and `{account}` for what only the job or its lane knows. */
export function gateName(gate: GateRef): string {
  if (gate.scope === "window") return `window:{account}:${gate.endpoint}`;
  return gate.scope === "account" ? "account:{account}" : `${gate.scope}:{app}`;
}

type Gated = Pick<Kind, "part" | "endpoint" | "token" | "ordered" | "repeatable">;

/** What must be open for a kind's lane to run. A refresh waits neither for its account nor for the app's windows. */
export const gateNames = (kind: Gated): string[] => [
  partGate(kind.part),
  ...(kind.token
    ? [{ scope: "app" } as const, { scope: "account" } as const, windowOf(kind)].map(gateName)
    : [gateName({ scope: "oauth" })]),
];

/** What a kind's lane uses up, in the order that `core/store/sql` knows: as gates, they say until when there is nothing left. */
const allowanceNames = (kind: Gated): string[] =>
  kind.token ? [`app:{app}:${kind.endpoint}`, "spend:{client}", "spend:{account}"] : [];

/** What is posted in order waits for a thread that stopped short. */
const heldNames = (kind: Gated): string[] =>
  kind.token && kind.ordered && !kind.repeatable ? ["thread:{account}"] : [];

const windowOf = ({ endpoint }: Gated): GateRef => ({ scope: "window", endpoint });

/** All of them as the store takes them: a JSON list, whose `{app}`, `{account}` and `{client}` it fills in. */
export const gatesOf = (kind: Gated): string =>
  JSON.stringify([...gateNames(kind), ...allowanceNames(kind), ...heldNames(kind)]);
