import { z } from "zod";
import type { Warning } from "./define.ts";
import type { Kinds } from "./registry.ts";
import { NEVER, rfc3339 } from "#core/lib/clock";
import { isFinal, states } from "#core/lib/lifecycle";
import type { JobRow } from "#core/store/jobs";

const time = z.iso.datetime().nullable();

/** The states clients see: a queued job whose time is to come is `scheduled`. */
export const viewStates = ["scheduled", ...states] as const;

const blockedOn = z
  .strictObject({ gate: z.string(), reason: z.string(), until: time })
  .nullable()
  .describe(
    "The closed gate that this job waits behind; without `until`, it opens when somebody acts. Of a job that waits for a " +
      "medium: that (`medium:med_…`), and its state as the reason.",
  );

export const costSchema = z.strictObject({ estimated: z.int(), actual: z.int() });

/** A job as the API shows it. */
export const jobSchema = z.strictObject({
  id: z.string(),
  kind: z.string(),
  state: z.enum(viewStates),
  account_id: z.string(),
  batch_id: z.string().nullable(),
  created_at: z.iso.datetime(),
  run_at: time,
  expires_at: z.iso.datetime(),
  started_at: time,
  finished_at: time,
  attempts: z.int(),
  max_attempts: z.int(),
  next_attempt_at: time,
  blocked_on: blockedOn,
  result: z.unknown(),
  error: z.unknown(),
  cost: costSchema.describe(
    "Micro-USD: what it will cost if all goes well, and what X has billed so far, looks included.",
  ),
  warnings: z.array(z.strictObject({ code: z.string(), detail: z.string() })),
  sequence: z.int(),
  metadata: z.unknown(),
  log: z.array(z.unknown()).describe("What each attempt came to: the first 20 entries and the last 80."),
});

export type JobView = z.output<typeof jobSchema>;

/** A closed gate of a job's lane. */
export type ClosedGate = { lane: string; name: string; reason: string; open_at: number };

/** What holds a job besides: a medium that it has given up its place for, by its id, and how that stands. */
export type AwaitedMedium = { account_id: string; id: string; state: string };

/** Nothing holds any of them. */
export const NOTHING_HOLDS: Holding = { closed: [], awaited: [] };

/** Whether a job will not change any more by itself: final, or parked because its fate is unclear. */
export const isSettled = (job: JobRow): boolean =>
  isFinal(job.state) || (job.state === "unknown" && job.open === null);

/** What may hold jobs: closed gates of their lanes, and the media that they wait for. */
export type Holding = { closed: readonly ClosedGate[]; awaited: readonly AwaitedMedium[] };

/** Show a job, and what of all this holds it. */
export function jobView(job: JobRow, kinds: Kinds, now: number, { closed, awaited }: Holding): JobView {
  const waits = !isSettled(job) && job.state !== "running";
  const medium = waits
    ? awaited.find((one) => one.id === job.awaits && one.account_id === job.account_id)
    : undefined;
  const blocked = waits && !medium ? longest(closed.filter((gate) => gate.lane === job.lane)) : undefined;
  const until = blocked === undefined || blocked.open_at >= NEVER ? null : blocked.open_at;
  return {
    id: job.id,
    kind: job.kind,
    state: job.state === "queued" && job.due_at > now ? "scheduled" : job.state,
    account_id: job.account_id,
    batch_id: job.batch_id,
    created_at: asTime(job.created_at),
    run_at: rfc3339(job.run_at),
    expires_at: asTime(job.expires_at),
    started_at: rfc3339(job.started_at),
    finished_at: rfc3339(job.finished_at),
    attempts: job.attempts,
    max_attempts: job.max_attempts,
    next_attempt_at: rfc3339(job.next_attempt_at ?? (job.state === "waiting" ? until : null)),
    blocked_on: medium
      ? { gate: `medium:${medium.id}`, reason: medium.state, until: null }
      : blocked
        ? { gate: blocked.name, reason: blocked.reason, until: rfc3339(until) }
        : null,
    result: parsed(job.result),
    error: parsed(job.error),
    cost: { estimated: job.cost_estimated, actual: job.cost_actual },
    warnings: warningsOf(job, kinds),
    sequence: job.sequence,
    metadata: parsed(job.metadata),
    log: (JSON.parse(job.log) as { at: number; last_at?: number }[]).map((entry) => ({
      ...entry,
      at: asTime(entry.at),
      ...(entry.last_at !== undefined && { last_at: asTime(entry.last_at) }),
    })),
  };
}

/** What its kind says of its params, and what was seen when it was taken. */
function warningsOf(job: JobRow, kinds: Kinds): Warning[] {
  const kind = kinds.find(job.kind);
  const params = kind?.warnings ? kind.params.safeParse(JSON.parse(job.params)) : null;
  const noticed = job.warnings === null ? [] : (JSON.parse(job.warnings) as Warning[]);
  return [...(params?.success ? (kind?.warnings?.(params.data) ?? []) : []), ...noticed];
}

const longest = (closed: readonly ClosedGate[]): ClosedGate | undefined =>
  [...closed].sort((a, b) => b.open_at - a.open_at)[0];

const parsed = (json: string | null): unknown => (json === null ? null : JSON.parse(json));

const asTime = (ms: number): string => new Date(ms).toISOString();
