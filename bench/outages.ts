import { MINUTE_MS } from "#core/lib/clock";
import { table } from "../scripts/table.ts";
import type { FaultRule, Simulator } from "../simulator/simulator.ts";
import { POSTS } from "../test/support/troubles.ts";

/** A part of X that is down for a while, by minutes of the run. `call` is its name in X's books. */
type Outage = { gate: string; call: string; from: number; to: number; rules: FaultRule[] };

const down = (when: "before" | "after"): FaultRule["fault"] => ({ kind: "error", status: 503, when });

/** Every answer is 503; of the posts X takes one in five all the same. */
export const OUTAGES: Outage[] = [
  {
    gate: "x:tweets",
    call: "POST /2/tweets",
    from: 8,
    to: 13,
    rules: [
      { match: POSTS, probability: 0.2, fault: down("after") },
      { match: POSTS, fault: down("before") },
    ],
  },
  {
    gate: "x:reads",
    call: "GET /2/users/:id/tweets",
    from: 20,
    to: 25,
    rules: [{ match: { method: "GET", path: "^/2/users/[0-9]+/tweets$" }, fault: down("before") }],
  },
];

/** Lets parts of X go down and come back, and counts what that costs and how often their gates shut. */
export function createOutages(
  simulator: Simulator,
  db: D1Database,
  start: number,
  outages: Outage[],
  always: FaultRule[],
) {
  const from = ({ from }: Outage) => start + from * MINUTE_MS;
  const to = ({ to }: Outage) => start + to * MINUTE_MS;
  const isDown = (outage: Outage, at: number) => at >= from(outage) && at < to(outage);
  const calls = ({ call }: Outage) =>
    Object.values(simulator.calls().counts[call] ?? {}).reduce((sum, count) => sum + count, 0);
  const spent = new Map<Outage, number>();
  const shut = new Map<string, { at: number; times: number }>();
  let rules: string | null = null;

  return {
    /** Whether a part of X is down then. */
    isOn: (at: number) => outages.some((outage) => isDown(outage, at)),
    /** When one begins or ends next, or never. */
    next: (now: number) =>
      Math.min(...outages.flatMap((outage) => [from(outage), to(outage)]).filter((at) => at > now)),
    /** Let X be as it is at that time. */
    at(now: number): void {
      const on = outages.filter((outage) => isDown(outage, now));
      const name = on.map(({ gate }) => gate).join();
      if (name === rules) return;
      rules = name;
      simulator.setFaults([...on.flatMap((outage) => outage.rules), ...always]);
      for (const outage of outages)
        if (on.includes(outage)) spent.set(outage, -calls(outage));
        else if ((spent.get(outage) ?? 0) < 0) spent.set(outage, (spent.get(outage) ?? 0) + calls(outage));
    },
    /** See which gates have shut since the last time. */
    async look(): Promise<void> {
      const { results } = await db
        .prepare("SELECT name, shut_at FROM gates WHERE shut_at IS NOT NULL")
        .all<{ name: string; shut_at: number }>();
      for (const { name, shut_at } of results) {
        const before = shut.get(name);
        if (before?.at !== shut_at) shut.set(name, { at: shut_at, times: (before?.times ?? 0) + 1 });
      }
    },
    lines: (): Parameters<typeof table>[0] => [
      [
        "parts of X left alone for their faults, how often",
        [...shut].map(([name, { times }]) => `${name} ${times}`).join(", ") || "never",
      ],
      ...[...spent].map(
        ([{ gate, from, to }, count]) =>
          [`calls to ${gate} while it was down for ${to - from} min`, count] as const,
      ),
    ],
  };
}
