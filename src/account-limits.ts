import { z } from "zod";
import { accountId } from "#core/jobs/kinds/account-id";
import { NEVER, rfc3339 } from "#core/lib/clock";
import type { AllowanceRow } from "#core/store/allowances";
import * as limits from "#core/store/limits";
import type { ClosedLimit, LimitedLane } from "#core/store/limits";
import type { WindowReading } from "#core/store/lanes";
import { shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import { findAccount } from "./accounts.ts";
import { defineRoute } from "./route.ts";

const time = z.iso.datetime().nullable();

const limitSchema = z.strictObject({
  name: z.string().describe("Of the gate that closes when it is used up: the `gate` of `blocked_on`."),
  scope: z.enum(["window", "app_window", "app", "account", "thread", "cap"]),
  endpoint: z.string().nullable(),
  unit: z.enum(["calls", "micro_usd"]).nullable(),
  limit: z.int().nullable(),
  remaining: z.int().nullable().describe("What nobody has used or reserved."),
  resets_at: time,
  closed: z
    .strictObject({ reason: z.string(), until: time })
    .nullable()
    .describe("Why nothing passes now; without `until`, it opens when somebody acts."),
  jobs_waiting: z.int().describe(`The account's due jobs that it counts, at most ${limits.COUNTS} a lane.`),
});

type Limit = z.output<typeof limitSchema>;

/** GET /v1/accounts/{id}/limits */
export const getLimits = defineRoute({
  method: "GET",
  path: "/v1/accounts/{id}/limits",
  summary: "Read what limits an account: windows of X, its own and its app's, and caps",
  scope: "accounts:read",
  params: z.strictObject({ id: accountId }),
  answers: {
    200: {
      description: "Each limit that is known. Of a window that has reset since X last named it, all remains.",
      schema: z.strictObject({ data: z.array(limitSchema) }),
    },
  },
  async handle({ app, caller, params }) {
    const { db, row } = await findAccount(app, caller, params.id);
    const now = app.clock.stored();
    const home = shard(app.databases, row.client_id);
    const [found, cap] = await Promise.all([
      db.batch([
        limits.lanes(db, now, row, app.kinds.laneNames),
        limits.closed(db, now, row),
        limits.allowances(db, row),
      ]),
      home && first<AllowanceRow>(limits.clientCap(home, row.client_id)),
    ]);
    const [lanes, closed, allowances] = found.map(({ results }) => results) as unknown as [
      LimitedLane[],
      ClosedLimit[],
      AllowanceRow[],
    ];
    const configured = Object.entries(app.app_windows).map(([endpoint, limit]) => ({
      name: `app:${row.app_id}:${endpoint}`,
      limit,
    }));
    const data = limitsOf(
      { lanes, closed, allowances: [...allowances, ...(cap ? [cap] : [])], configured },
      app.clock.now(),
    );
    return Response.json({ data });
  },
});

type Known = {
  lanes: LimitedLane[];
  closed: ClosedLimit[];
  allowances: AllowanceRow[];
  configured: { name: string; limit: number }[];
};

/** The place of the window of a lane's own among its gates. */
const WINDOW_AT = 3;

/** What is known of each limit, by name. */
export function limitsOf({ lanes, closed, allowances, configured }: Known, now: number): Limit[] {
  const all = new Map<string, Limit>();
  const note = (name: string, of: Partial<Limit>): void => {
    all.set(name, { ...(all.get(name) ?? unknown(name)), ...of });
  };
  for (const { gates, window } of lanes) {
    const name = (JSON.parse(gates) as string[])[WINDOW_AT];
    if (name !== undefined && window !== null) note(name, standing(JSON.parse(window) as WindowReading, now));
  }
  for (const { name, limit } of configured) note(name, { limit, remaining: limit });
  for (const row of allowances) {
    const limit = row.limit ?? all.get(row.name)?.limit ?? null;
    const isOver = row.resets_at <= now;
    const remaining = limit === null ? null : Math.max(0, limit - (isOver ? row.late : row.used));
    note(row.name, { limit, remaining, resets_at: isOver ? null : rfc3339(row.resets_at) });
  }
  for (const gate of closed) {
    note(gate.name, {
      closed: { reason: gate.reason, until: gate.open_at >= NEVER ? null : rfc3339(gate.open_at) },
      ...(gate.limit !== null && {
        limit: gate.limit,
        remaining: gate.remaining,
        resets_at: rfc3339(gate.resets_at),
      }),
    });
  }
  const waiting = (name: string): number =>
    lanes.reduce(
      (sum, { gates, jobs }) => sum + ((JSON.parse(gates) as string[]).includes(name) ? jobs : 0),
      0,
    );
  return [...all.values()]
    .map((limit) => ({ ...limit, jobs_waiting: waiting(limit.name) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function standing({ limit, remaining, resets_at }: WindowReading, now: number): Partial<Limit> {
  const isOver = resets_at <= now;
  return { limit, remaining: isOver ? limit : remaining, resets_at: isOver ? null : rfc3339(resets_at) };
}

const SCOPES: Record<string, Limit["scope"]> = {
  spend: "cap",
  window: "window",
  account: "account",
  thread: "thread",
};

/** A limit of which nothing is known but its name: `{scope}:{whose}`, or `{scope}:{whose}:{endpoint}`. */
function unknown(name: string): Limit {
  const [scope = "", , ...rest] = name.split(":");
  const endpoint = rest.length > 0 ? rest.join(":") : null;
  return {
    name,
    scope: SCOPES[scope] ?? (endpoint === null ? "app" : "app_window"),
    endpoint,
    unit: scope === "spend" ? "micro_usd" : endpoint === null ? null : "calls",
    limit: null,
    remaining: null,
    resets_at: null,
    closed: null,
    jobs_waiting: 0,
  };
}
