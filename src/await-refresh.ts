import { asScheduled } from "#core/jobs/commit";
import { refreshOf } from "#core/jobs/refreshes";
import { wake, type Wake } from "#core/jobs/wake";
import { Problem } from "#core/lib/problem";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import * as lanes from "#core/store/lanes";
import * as refreshes from "#core/store/refreshes";
import type { RefreshAsk } from "#core/store/refreshes";
import { first } from "#core/store/sql";
import type { App } from "./app.ts";

const WAKE_LIMIT_MS = 2_000;
/** A caller waits; a refresh takes a second as a rule. */
const LONGEST_MS = 10_000;
const PAUSE_MS = 200;
const COME_BACK_S = "5";

/** Ask for the refresh of an account's token, as jobs do. Returns what was asked: there is one refresh, however many ask. */
export async function askRefresh(app: App, db: D1Database, account: AccountRow): Promise<RefreshAsk> {
  const ask = await refreshOf(account);
  const now = app.clock.stored();
  const [, scheduled] = await db.batch([
    refreshes.ask(db, now, [ask]),
    lanes.schedule(db, now, [asScheduled(ask)]),
  ]);
  app.later(wake(app, scheduled?.results as Wake[], WAKE_LIMIT_MS));
  return ask;
}

/**
 * Ask for the refresh of an account's token, and wait for it. Throws
 * `reconnect_required` when the grant is dead, and `unavailable` when it takes too long.
 */
export async function awaitRefresh(app: App, db: D1Database, account: AccountRow): Promise<AccountRow> {
  await askRefresh(app, db, account);
  const end = app.clock.now() + LONGEST_MS;
  while (app.clock.now() < end) {
    await app.clock.sleep(PAUSE_MS);
    const row = await first<AccountRow>(accounts.find(db, account.id));
    if (row?.state !== "connected") throw new Problem("reconnect_required");
    if (row.token_version > account.token_version) return row;
  }
  throw new Problem("unavailable", {
    detail: "The account's token is being refreshed",
    headers: { "retry-after": COME_BACK_S },
  });
}
