import type { Clock } from "#core/lib/clock";
import { newId } from "#core/lib/ids";
import { reasonOf, type Log } from "#core/lib/log";
import type { Ring } from "#core/lib/seal";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import * as audit from "#core/store/audit";
import * as gates from "#core/store/gates";
import * as jobSteps from "#core/store/job-steps";
import * as bindings from "#core/store/media-bindings";
import { shard, type Databases } from "#core/store/shard";
import { all } from "#core/store/sql";
import { event } from "#core/webhooks/events";
import { revoke } from "#core/x/oauth";
import type { Apps } from "./apps.ts";
import { accessKey, pairPlace, type TokenPair } from "./tokens.ts";
import { showAccount } from "./view.ts";

export type Disconnecting = {
  databases: Databases;
  kv: KVNamespace;
  ring: Ring;
  apps: Apps;
  clock: Clock;
  /** The lanes an account may have, without the account. */
  lane_names: readonly string[];
  log: Log;
};

/** `jobs`: cancel what waits, or hold it until the same client connects the same X user again. */
export type Disconnect = { jobs: "cancel" | "hold"; actor: string };

/** The account as it is now, whether X confirmed that its tokens are dead, and how many jobs were canceled. */
export type Disconnected = { account: AccountRow; revoked: boolean; canceled: number };

/** X may be down: a disconnect does not wait for it longer than this. */
const REVOKE_MS = 5_000;

/**
 * Disconnect an account. Here first, so that nothing claims a job or stores a refreshed token from now on; then at X, as far
 * as that goes. Repeatable: a second time does what a first one did not come to.
 */
export async function disconnect(by: Disconnecting, row: AccountRow, how: Disconnect): Promise<Disconnected> {
  const { id, x_user_id } = row;
  const db = shard(by.databases, id);
  if (!db) throw new Error("no database for this account");
  const { before, account } = await forget(by, db, row, how.actor);
  await accounts.releaseXUser(by.databases.DB, x_user_id, id).run();
  const [revoked, canceled] = await Promise.all([
    revokePair(by, before),
    how.jobs === "cancel" ? cancelJobs(by, db, row) : 0,
    by.kv.delete(accessKey(id, before.token_version)).catch(() => undefined),
  ]);
  by.log("account.disconnected", { account: id, revoked, canceled });
  return { account, revoked, canceled };
}

/** The account as it was, with its last pair, and as it is without: one transaction, so that no pair slips through. */
async function forget({ clock }: Disconnecting, db: D1Database, row: AccountRow, actor: string) {
  const now = clock.now();
  const { id, client_id } = row;
  const shown = showAccount({ ...row, state: "disconnected", token_expires_at: null });
  const results = await db.batch<AccountRow>([
    accounts.find(db, id),
    accounts.disconnect(db, id, now),
    event(db, { client_id, type: "account.disconnected", account_id: id, data: shown }, now),
    noted(db, row, actor, now),
    gates.shutAccount(db, clock.stored(), id, { state: "disconnected", reason: "disconnected" }),
    accounts.find(db, id),
  ]);
  const [before] = results.at(0)?.results ?? [];
  const [account] = results.at(-1)?.results ?? [];
  if (!before || !account) throw new Error("no such account");
  return { before, account };
}

const noted = (db: D1Database, row: AccountRow, actor: string, now: number): D1PreparedStatement =>
  audit.insert(db, {
    client_id: row.client_id,
    id: newId("aud", row.id.slice(-1), now),
    actor,
    action: "account.disconnected",
    subject: row.id,
    detail: JSON.stringify({ x_user_id: row.x_user_id, app_id: row.app_id }),
    created_at: now,
  });

/** Whether X confirmed that the pair is dead. Never throws: what does not work out at X is over here all the same. */
async function revokePair(by: Disconnecting, account: AccountRow): Promise<boolean> {
  if (account.token === null) return false;
  try {
    const app = await by.apps.find(account.app_id);
    if (!app) return false;
    const place = pairPlace(account.id, account.token_version);
    const pair = JSON.parse(await by.ring.open(account.token, place)) as TokenPair;
    const tokens = [pair.refresh_token, pair.access_token].filter((token) => token !== null);
    const limited = { ...app, timeout_ms: REVOKE_MS };
    const answers = await Promise.all(tokens.map((token) => revoke(limited, token)));
    return answers.every(({ ok }) => ok);
  } catch (error) {
    by.log("revoke.failed", { account: account.id, reason: reasonOf(error) });
    return false;
  }
}

const ROUND = 2_000;
/** More than a request can do; asked again, it goes on. */
const ROUNDS = 500;

/** Cancel what waits in the account's lanes, and ask what runs to stop. Its gate is shut: nothing starts meanwhile. */
async function cancelJobs(by: Disconnecting, db: D1Database, row: AccountRow): Promise<number> {
  let canceled = 0;
  const media = await all<{ lane: string }>(bindings.lanesOf(db, row.id));
  const lanes = [...by.lane_names.map((name) => `${name}:${row.id}`), ...media.map(({ lane }) => lane)];
  for (const lane of lanes)
    for (let round = 0; round < ROUNDS; round++) {
      const [, ended] = await db.batch([
        jobSteps.requestCancelLane(db, row.client_id, lane),
        jobSteps.cancelLane(db, by.clock.stored(), row.client_id, lane, ROUND),
      ]);
      const changes = ended?.results.length ?? 0;
      canceled += changes;
      if (changes < ROUND) break;
    }
  return canceled;
}
