import { gateName, partGate } from "#core/jobs/define";
import { Problem, type ProblemCode } from "#core/lib/problem";
import type { AccountRow } from "#core/store/accounts";
import * as gatesOfReads from "#core/store/gates-of-reads";
import type { Standing } from "#core/store/gates-of-reads";
import { all } from "#core/store/sql";
import type { Endpoint } from "#core/x/endpoints";
import type { App } from "./app.ts";

/** The gate of X's reads that callers wait for. */
const PART = partGate("timelines");

/** What a closed gate is to a caller who waits. Gates closed for other reasons are about posting, or what X will say itself. */
const REFUSALS: Record<string, ProblemCode> = {
  x_unavailable: "x_unavailable",
  rate_limited: "x_rate_limited",
  usage_capped: "x_usage_capped",
  credits_depleted: "x_payment_required",
  locked: "x_account_locked",
  token_rejected: "unavailable",
  token_unavailable: "unavailable",
};

/** A way through the gates of a read: what it hears of X is counted there. */
export type Passage = {
  hear(well: boolean): Promise<void>;
  /** X carried it out: it takes the X app again. */
  served(): Promise<void>;
};

/** The name of a gate of the account's. */
export const fullName = (account: AccountRow, gate: Parameters<typeof gateName>[0]): string =>
  gateName(gate).replace("{account}", account.id).replace("{app}", account.app_id);

/**
 * Pass the gates of an endpoint for an account. Throws what a closed one means, with `Retry-After`; of those who come when a
 * broken part of X may be tried again, one passes.
 */
export async function passGates(
  app: App,
  db: D1Database,
  account: AccountRow,
  endpoint: Endpoint,
  by: string,
): Promise<Passage> {
  const window = fullName(account, { scope: "window", endpoint: endpoint.name });
  const appGate = fullName(account, { scope: "app" });
  const names = [PART, window, appGate, fullName(account, { scope: "account" })];
  const now = app.clock.stored();
  const standing = await all<Standing>(gatesOfReads.standing(db, now, names));
  // The app's day is that of posts.
  const relevant = standing.filter(({ name, reason }) => name !== appGate || reason !== "rate_limited");
  const closed = relevant
    .filter(({ waits_ms, reason }) => waits_ms > 0 && reason in REFUSALS)
    .sort((a, b) => b.waits_ms - a.waits_ms)[0];
  if (closed) throw refusal(closed);
  const part = standing.find(({ name }) => name === PART);
  const refused = standing.find(({ name, broken }) => name === appGate && broken);
  for (const one of [part, refused])
    if (one?.broken && !(await gatesOfReads.tryBroken(db, now, one.name, by).first()))
      throw refusal({ ...one, waits_ms: 1_000 });
  return {
    async hear(well) {
      if (well && !part?.faults) return;
      await gatesOfReads.hear(db, app.clock.stored(), PART, well ? -1 : 1, by).run();
    },
    async served() {
      if (refused) await gatesOfReads.hear(db, app.clock.stored(), appGate, -1, by).run();
    },
  };
}

/** A gate's reason as a problem. */
function refusal({ name, reason, waits_ms }: Pick<Standing, "name" | "reason" | "waits_ms">): Problem {
  return new Problem(REFUSALS[reason] ?? "unavailable", {
    detail: `${name} is closed: ${reason}`,
    headers: { "retry-after": retryAfter(waits_ms) },
  });
}

/** Whole seconds to wait, at least one and at most a day. */
export const retryAfter = (ms: number): string => String(Math.min(86_400, Math.max(1, Math.ceil(ms / 1000))));
