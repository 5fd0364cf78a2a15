import { borrow } from "#core/jobs/borrow";
import { spendKey } from "#core/jobs/tally";
import { Problem } from "#core/lib/problem";
import type { AccountRow } from "#core/store/accounts";
import { capName } from "#core/store/caps";
import * as readCaps from "#core/store/read-caps";
import type { Cap } from "#core/store/read-caps";
import * as usage from "#core/store/usage";
import type { Answer } from "#core/x/answer";
import type { Endpoint } from "#core/x/endpoints";
import { chargeOf, mostOf } from "#core/x/prices";
import type { App } from "./app.ts";
import { retryAfter } from "./read-gates.ts";

type Asked = {
  db: D1Database;
  account: AccountRow;
  endpoint: Endpoint;
  query: Record<string, string | number | undefined>;
};

/** What a read may cost is set aside; `settle` counts what it did cost, and gives back the rest. */
export type Payment = { settle(answer: Answer, isGood: boolean): Promise<void> };

/**
 * Set aside what a read may cost at most, where the account or its client has a cap. Throws `spend_cap` when one of them does not pay for
 * it: X is not asked.
 */
export async function payFor(app: App, asked: Asked): Promise<Payment> {
  const most = mostOf(asked.endpoint, app.prices, asked.query);
  const caps = await setAside(app, asked, most);
  return {
    async settle(answer, isGood) {
      const { db, account, endpoint, query } = asked;
      const now = app.clock.stored();
      const json = "json" in answer ? answer.json : null;
      const { cost, reads } = isGood ? chargeOf(endpoint, app.prices, query, json) : FREE;
      const { client_id, id: account_id } = account;
      if (cost > 0) app.tally.add(spendKey(app.clock.now()), cost);
      const statements = reads > 0 ? [usage.addRead(db, now, { client_id, account_id, reads, cost })] : [];
      // Of an answer that was lost nobody knows what it cost.
      const isKnown = !("unreachable" in answer) || answer.unreachable === "unsent";
      const [cap] = caps;
      if (cap && isKnown)
        statements.push(readCaps.giveBack(db, account, { amount: most - cost, resets_at: cap.resets_at }));
      if (statements.length > 0) await db.batch(statements);
    },
  };
}

const FREE = { cost: 0, reads: 0 };

async function setAside(app: App, { db, account }: Asked, most: number): Promise<Cap[]> {
  const now = app.clock.stored();
  const take = async () => {
    const [found, taken] = await db.batch([
      readCaps.find(db, now, account),
      readCaps.take(db, now, account, most),
    ]);
    return { caps: (found?.results ?? []) as Cap[], isTaken: (taken?.meta.changes ?? 0) > 0 };
  };
  let { caps, isTaken } = await take();
  const lent = caps.find((cap) => cap.lent === 1 && cap.rest < most);
  if (lent) {
    const least = most - Math.max(0, lent.rest);
    await borrow(app, db, [{ client_id: account.client_id, want: least, least }]);
    ({ caps, isTaken } = await take());
  }
  if (caps.length === 0 || isTaken) return caps;
  const short = caps.find(({ rest }) => rest < most) ?? caps[0];
  throw refusal(app, short?.name ?? capName(account.id), short?.resets_at ?? 0);
}

const refusal = (app: App, name: string, resets_at: number): Problem =>
  new Problem("spend_cap", {
    detail: `${name} does not pay for what this may return at most`,
    headers: { "retry-after": retryAfter(resets_at - app.clock.now()) },
  });
