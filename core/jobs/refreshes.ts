import { fromBase64url, sha256 } from "#core/lib/bytes";
import { newId, shardOf } from "#core/lib/ids";
import type { AccountRow } from "#core/store/accounts";
import type { RefreshAsk } from "#core/store/refreshes";
import { gatesOf, laneOf } from "./define.ts";
import { tokenRefresh } from "./kinds/token-refresh.ts";
import { EXPIRES_AFTER_MS } from "./limits.ts";

/**
 * The refresh of an account's present token pair. Its job's id follows from the account and the version, so that there is
 * one job however many ask; the id's time is when the pair was issued.
 */
export async function refreshOf(
  account: Pick<AccountRow, "id" | "client_id" | "token_version" | "token_issued_at">,
): Promise<RefreshAsk> {
  const digest = fromBase64url(await sha256(`refresh:${account.id}:${account.token_version}`));
  return {
    client_id: account.client_id,
    account_id: account.id,
    token_version: account.token_version,
    job_id: newId("job", shardOf(account.id), account.token_issued_at, (bytes) => digest.subarray(0, bytes)),
    kind: tokenRefresh.name,
    lane: laneOf(tokenRefresh, account.id),
    gates: gatesOf(tokenRefresh),
    max_attempts: tokenRefresh.backoff.attempts,
    expires_after_ms: EXPIRES_AFTER_MS,
  };
}
