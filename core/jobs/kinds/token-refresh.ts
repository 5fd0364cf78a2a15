import { z } from "zod";
import { defineJob } from "../define.ts";
import { accountId } from "./account-id.ts";

/** Replace an account's token pair by a new one. Its lane makes sure that there is one refresh at a time. */
export const tokenRefresh = defineJob({
  name: "token.refresh",
  queue: "refresh",
  lane: "refresh",
  part: "oauth",
  endpoint: "POST /2/oauth2/token",
  token: false,
  housekeeping: true,
  own: true,
  ordered: true,
  scopes: ["offline.access"],
  params: z.strictObject({
    account_id: accountId,
    version: z
      .int()
      .min(1)
      .optional()
      .describe("Only while the token is of this version. Left out: the one there is when the job is taken."),
  }),
  example: { account_id: "acc_01KAB3C4D5V1StGXR8Z5jd0" },
  backoff: { attempts: 20, base_s: 5, cap_s: 900 },
  // X gives the answer to a refresh once. If it was lost, the old token is all there is, and asking again can only help.
  repeatable: true,

  run: ({ params, created_at }, { refresh }) =>
    refresh(params.account_id, { version: params.version ?? null, at: created_at }),
});
