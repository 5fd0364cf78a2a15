import { fromBase64url, sha256 } from "#core/lib/bytes";
import { shardOf } from "#core/lib/ids";
import type { UploadAsk } from "#core/store/media-bindings";
import { gatesOf, laneOf } from "./define.ts";
import { mediaUpload } from "./kinds/media-upload.ts";
import { EXPIRES_AFTER_MS } from "./limits.ts";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_TIME = [4, 14] as const;

type Wanted = { client_id: string; account_id: string; media_id: string };

/**
 * Why a medium is to be sent. Its job's id follows from that, so that there is one however many ask: `received`: its last
 * byte has come; `after`: that job has sent it (null: none), and X has it no more; `ahead`: the tweet of `job_id` is due after `run_at`.
 */
export type Reason =
  { received: true } | { after: string | null } | { ahead: true; run_at: number; job_id: string };

/** Media are sent for a tweet this long before it is due. */
export const AHEAD_MS = 30 * 60_000;
/** Tweets that come this close together share what was sent ahead: X keeps it for a day. */
const SHARED_MS = 6 * 3_600_000;

/** The sending of a medium, as it is asked for. */
export async function uploadOf(
  { client_id, account_id, media_id }: Wanted,
  reason: Reason,
): Promise<UploadAsk> {
  const why = JSON.stringify("ahead" in reason ? Math.floor(reason.run_at / SHARED_MS) : reason);
  const digest = fromBase64url(await sha256(`upload:${account_id}:${media_id}:${why}`));
  const random = Array.from(digest.subarray(0, 12), (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join(
    "",
  );
  return {
    client_id,
    account_id,
    media_id,
    job_id: `job_${media_id.slice(...ID_TIME)}${random}${shardOf(account_id)}`,
    kind: mediaUpload.name,
    lane: laneOf(mediaUpload, account_id, { account_id, media_id }),
    gates: gatesOf(mediaUpload),
    max_attempts: mediaUpload.backoff.attempts,
    run_at: "ahead" in reason ? reason.run_at : null,
    expires_after_ms: EXPIRES_AFTER_MS,
    if_received: "received" in reason ? 1 : 0,
    if_job: "ahead" in reason ? reason.job_id : null,
  };
}
