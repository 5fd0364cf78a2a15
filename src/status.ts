import { z } from "zod";
import { partGate, parts as partNames } from "#core/jobs/define";
import { DAY_MS, NEVER, rfc3339 } from "#core/lib/clock";
import { shard, shards } from "#core/store/shard";
import { all, first } from "#core/store/sql";
import * as status from "#core/store/status";
import type { ClosedRow, Counted, DueRow, PartRow, Whose } from "#core/store/status";
import type { App } from "./app.ts";
import { authorize, type Caller } from "./auth.ts";
import { defineRoute } from "./route.ts";

const MOST_GATES = 100;
/** What a job needs is asked about again each day: only then has something been overlooked. */
export const ORPHANED_MS = 2 * DAY_MS;

const counted = z.strictObject({
  count: z.int(),
  at_least: z.boolean().describe("Counting stopped there: there may be more."),
});

const statusSchema = z.strictObject({
  at: z.iso.datetime(),
  x: z.array(
    z.strictObject({
      part: z.string(),
      state: z
        .enum(["well", "out_of_order", "probing"])
        .describe("`probing`: left alone long enough; one lane tries, or the next one will."),
      reason: z.string().nullable(),
      since: z.iso.datetime().nullable().describe("When it was last shut for its faults."),
      opens_at: z.iso.datetime().nullable(),
    }),
  ),
  waiting: z.strictObject({
    gates: z
      .array(
        z.strictObject({
          gate: z.string(),
          reason: z.string(),
          until: z.iso.datetime().nullable().describe("null: it opens when somebody acts."),
          lanes: z.int(),
          jobs: z.int(),
        }),
      )
      .describe("Closed gates with something behind them, those with the most jobs first."),
    at_least: z
      .boolean()
      .describe("There is more than was looked at: 1,000 lanes or accounts, 10,000 jobs, 100 gates."),
  }),
  queues: z.array(
    z.strictObject({
      queue: z.string(),
      due_lanes: z.int().describe("Lanes that are due and that nobody works on yet."),
      oldest_due_s: z.number().nullable(),
    }),
  ),
  dead_letters: counted,
  unknown: counted.describe("Parked: only `/resolve` moves them."),
  orphans: counted.describe("Uploads whose bytes should have gone more than two days ago."),
});

type Status = z.output<typeof statusSchema>;

/** GET /v1/status: of a client what is its own; with the admin key of everybody. */
export const getStatus = defineRoute({
  method: "GET",
  path: "/v1/status",
  summary: "Is X well, what waits and why, and what came to nothing",
  scope: "any",
  answers: { 200: { description: "How things stand.", schema: statusSchema } },
  async handle({ app, caller }) {
    if (!caller.scopes.includes("jobs:read")) authorize(caller, "admin");
    const parts = await Promise.all(
      shards(app.databases).map((name) => statusOn(app, name, whoseOf(caller))),
    );
    return Response.json(together(app, parts.flat()));
  },
});

const whoseOf = ({ client_id, account_ids }: Caller): Whose =>
  client_id === null ? null : { client_id, accounts: account_ids };

type Part = {
  x: PartRow[];
  closed: ClosedRow[];
  due: DueRow[];
  jobs: { lane: string; jobs: number }[];
  isMore: boolean;
  dead: Counted;
  parked: Counted;
  orphans: Counted;
};

const NONE: Counted = { count: 0, looked: 0 };

/** What one database has to say. */
async function statusOn(app: App, name: string, whose: Whose): Promise<Part[]> {
  const db = shard(app.databases, name);
  if (!db) return [];
  const now = app.clock.stored();
  const { all: known, listed } = app.kinds;
  const laneNames = [...new Set(known.flatMap((kind) => app.kinds.find(kind)?.lane ?? []))];
  const hidden = known.filter((kind) => !listed.includes(kind));
  const [x, closed, due, looked, dead, parked, orphans] = await Promise.all([
    all<PartRow>(status.parts(db, now, partNames.map(partGate))),
    all<ClosedRow>(status.closed(db, now, laneNames, whose)),
    all<DueRow>(status.due(db, now, laneNames, whose)),
    first<{ count: number }>(status.looked(db, whose)),
    first<Counted>(status.count(db, "dead", hidden, whose)),
    first<Counted>(status.count(db, "parked", hidden, whose)),
    first<Counted>(status.countOrphans(db, now, ORPHANED_MS, whose)),
  ]);
  const lanes = [...new Set(closed.flatMap(lanesOf))];
  const jobs = lanes.length > 0 ? await all<Part["jobs"][number]>(status.waiting(db, lanes)) : [];
  const isMore = (looked?.count ?? 0) >= status.LOOKS_AT || sum(jobs) >= status.JOBS_LOOKED_AT;
  return [
    { x, closed, due, jobs, isMore, dead: dead ?? NONE, parked: parked ?? NONE, orphans: orphans ?? NONE },
  ];
}

function together(app: App, parts: Part[]): Status {
  const gates = gatesOf(parts);
  const count = (of: (part: Part) => Counted) => ({
    count: parts.reduce((total, part) => total + of(part).count, 0),
    at_least: parts.some((part) => of(part).looked >= status.LOOKS_AT),
  });
  return {
    at: new Date(app.clock.now()).toISOString(),
    x: partNames.map((name) => partOf(partGate(name), parts)),
    waiting: {
      gates: gates.slice(0, MOST_GATES),
      at_least: gates.length > MOST_GATES || parts.some(({ isMore }) => isMore),
    },
    queues: queuesOf(
      app,
      parts.flatMap(({ due }) => due),
    ),
    dead_letters: count(({ dead }) => dead),
    unknown: count(({ parked }) => parked),
    orphans: count(({ orphans }) => orphans),
  };
}

/** Each database has its own word on a part of X: the worst one is said. */
function partOf(gate: string, parts: Part[]): Status["x"][number] {
  const [worst] = parts
    .flatMap(({ x }) => x.filter(({ name, state }) => name === gate && state !== "well"))
    .sort((a, b) => (a.state === b.state ? b.open_at - a.open_at : a.state === "out_of_order" ? -1 : 1));
  return {
    part: gate,
    state: worst?.state ?? "well",
    reason: worst?.reason ?? null,
    since: rfc3339(worst?.shut_at ?? null),
    opens_at: worst ? until(worst.open_at) : null,
  };
}

/** The gates of all databases; one that several of them have closed is said once. */
function gatesOf(parts: Part[]): Status["waiting"]["gates"] {
  const rows = parts.flatMap(({ closed, jobs }) => {
    const waiting = new Map(jobs.map((one) => [one.lane, one.jobs]));
    return closed.map((gate) => {
      const lanes = lanesOf(gate);
      return {
        ...gate,
        lanes: lanes.length,
        jobs: lanes.reduce((n, lane) => n + (waiting.get(lane) ?? 0), 0),
      };
    });
  });
  return [...Map.groupBy(rows, ({ name }) => name)]
    .map(([gate, some]) => ({
      gate,
      reason: some[0]?.reason ?? "",
      until: until(Math.max(...some.map(({ open_at }) => open_at))),
      lanes: some.reduce((n, { lanes }) => n + lanes, 0),
      jobs: sum(some),
    }))
    .sort((a, b) => b.jobs - a.jobs);
}

function queuesOf(app: App, due: DueRow[]): Status["queues"] {
  const byQueue = Map.groupBy(due, ({ lane }) => app.kinds.queueOfLane(lane));
  return Object.keys(app.queues).map((queue) => {
    const some = byQueue.get(queue as keyof App["queues"]) ?? [];
    const oldest_ms = some.length > 0 ? Math.max(...some.map(({ late_ms }) => late_ms)) : null;
    return {
      queue,
      due_lanes: some.reduce((n, { lanes }) => n + lanes, 0),
      oldest_due_s: oldest_ms === null ? null : oldest_ms / 1000,
    };
  });
}

const lanesOf = ({ lanes }: ClosedRow): string[] => JSON.parse(lanes) as string[];
const sum = (some: { jobs: number }[]): number => some.reduce((total, { jobs }) => total + jobs, 0);
const until = (open_at: number): string | null => (open_at >= NEVER ? null : rfc3339(open_at));
