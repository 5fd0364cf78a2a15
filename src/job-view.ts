import { z } from "zod";
import type { Warning } from "#core/jobs/define";
import type { Kinds } from "#core/jobs/registry";
import { NEVER, rfc3339 } from "#core/lib/clock";
import { isFinal, states } from "#core/lib/lifecycle";
import type { JobRow } from "#core/store/jobs";

const time = z.iso.datetime().nullable();

/** The states clients see: a queued job whose time is to come is `scheduled`. */
export const viewStates = ["scheduled", ...states] as const;

const blockedOn = z
  .strictObject({ gate: z.string(), reason: z.string(), until: time })
  .nullable()
  .describe("The closed gate that this job waits behind; without `until`, it opens when somebody acts.");

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
  warnings: z.array(z.strictObject({ code: z.string(), detail: z.string() })),
  sequence: z.int(),
  metadata: z.unknown(),
  log: z.array(z.unknown()).describe("What each attempt came to, the last 20."),
});

export type JobView = z.output<typeof jobSchema>;

/** A closed gate of a job's lane. */
export type ClosedGate = { lane: string; name: string; reason: string; open_at: number };

/** Whether a job will not change any more by itself: final, or parked because its fate is unclear. */
export const isSettled = (job: JobRow): boolean =>
  isFinal(job.state) || (job.state === "unknown" && job.open === null);

/** Show a job. `closed` are the closed gates of its lane. */
export function jobView(job: JobRow, kinds: Kinds, now: number, closed: readonly ClosedGate[]): JobView {
  const blocked =
    isSettled(job) || job.state === "running"
      ? undefined
      : longest(closed.filter((gate) => gate.lane === job.lane));
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
    blocked_on: blocked ? { gate: blocked.name, reason: blocked.reason, until: rfc3339(until) } : null,
    result: parsed(job.result),
    error: parsed(job.error),
    warnings: warningsOf(job, kinds),
    sequence: job.sequence,
    metadata: parsed(job.metadata),
    log: (JSON.parse(job.log) as { at: number }[]).map((entry) => ({ ...entry, at: asTime(entry.at) })),
  };
}

function warningsOf(job: JobRow, kinds: Kinds): Warning[] {
  const kind = kinds.find(job.kind);
  const params = kind?.warnings ? kind.params.safeParse(JSON.parse(job.params)) : null;
  return params?.success ? (kind?.warnings?.(params.data) ?? []) : [];
}

const longest = (closed: readonly ClosedGate[]): ClosedGate | undefined =>
  [...closed].sort((a, b) => b.open_at - a.open_at)[0];

const parsed = (json: string | null): unknown => (json === null ? null : JSON.parse(json));

const asTime = (ms: number): string => new Date(ms).toISOString();
