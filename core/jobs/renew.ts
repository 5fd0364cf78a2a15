import { MINUTE_MS } from "#core/lib/clock";
import { reasonOf } from "#core/lib/log";
import { again, wait, type Outcome } from "#core/lib/outcome";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import type { RefreshAsk } from "#core/store/refreshes";
import { shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import type { Consumer } from "./engine.ts";
import { refreshOf } from "./refreshes.ts";

type Waiting = Extract<Outcome, { type: "wait" }>;

/** An outcome, and the refreshes to ask for in the commit that writes it. */
export type Renewal = { verdict: Outcome; asks: RefreshAsk[] };

/** A token that a refresh brought this lately and that X refuses all the same is X's trouble. */
const FRESH_MS = 5 * MINUTE_MS;

/** Whether a job could not be done because of its access token alone. */
export const isOfToken = (verdict: { type: string; reason?: string }): verdict is Waiting =>
  verdict.type === "wait" && (verdict.reason === "token_rejected" || verdict.reason === "token_expired");

/**
 * What becomes of a job whose access token X refused, or which had expired: it runs again with a newer token if there is
 * one, else it waits for a refresh. None of this costs an attempt.
 */
export async function renew(
  consumer: Consumer,
  job: { account_id: string; token_version: number | null; checkpoint: unknown },
  refused: Waiting,
): Promise<Renewal> {
  const account = await read(consumer, job.account_id);
  if (account === "unread") return { verdict: refused, asks: [] };
  if (account?.state !== "connected") return { verdict: wait({ scope: "account" }, "reconnect"), asks: [] };
  if (account.token_version !== job.token_version) return { verdict: again(job.checkpoint, 0), asks: [] };
  if (refused.reason === "token_rejected" && isFresh(account, consumer.clock.now()))
    return { verdict: refused, asks: [] };
  const verdict = wait({ scope: "account" }, "refreshing", null, refused.problem);
  return { verdict, asks: [await refreshOf(account)] };
}

async function read(consumer: Consumer, accountId: string): Promise<AccountRow | null | "unread"> {
  const db = shard(consumer.databases, accountId);
  try {
    return db && (await first<AccountRow>(accounts.find(db, accountId)));
  } catch (error) {
    consumer.log("account.unread", { account: accountId, reason: reasonOf(error) });
    return "unread";
  }
}

/** Whether a refresh has brought an account's token just now. */
export const isFresh = (account: AccountRow, now: number): boolean =>
  account.token_origin === "refresh" && now - account.token_issued_at < FRESH_MS;
