import { z } from "zod";
import { again, fail } from "#core/lib/outcome";
import { Problem, type ProblemBody } from "#core/lib/problem";
import { send } from "#core/media/send";
import { defineJob } from "../define.ts";
import { accountId } from "./account-id.ts";
import { mediaId } from "./media-id.ts";

/** How often a job looks whether its bytes have come. */
const RECEIVING_S = 30;

/** Send a medium to X for an account. */
export const mediaUpload = defineJob({
  name: "media.upload",
  queue: "media",
  lane: "media",
  part: "media",
  token: true,
  endpoint: "POST /2/media/upload/:id/append",
  ordered: true,
  scopes: ["media.write"],
  params: z.strictObject({ account_id: accountId, media_id: mediaId }),
  example: { account_id: "acc_01KAB3C4D5V1StGXR8Z5jd0", media_id: "med_01KAB3C4D5V1StGXR8Z5jd0" },
  backoff: { attempts: 10, base_s: 5, cap_s: 600 },
  // A segment that is sent twice overwrites itself; an upload that nobody finishes is forgotten by X.
  repeatable: true,

  medium: ({ media_id }) => media_id,
  own: true,

  async run({ params: { media_id }, checkpoint }, context) {
    const known = await context.media.find(media_id);
    const { upload } = known;
    if (!upload) return fail(new Problem("media_gone", { detail: "The medium was deleted" }));
    if (upload.error !== null) {
      const { code, detail } = JSON.parse(upload.error) as ProblemBody;
      return fail(new Problem(code, { detail }));
    }
    if (upload.state === "receiving" && upload.source_url !== null)
      return context.media.fetch(upload, context.mayCall);
    if (upload.state === "receiving")
      return upload.expires_at > context.now()
        ? again(checkpoint, RECEIVING_S)
        : fail(new Problem("media_gone", { detail: "Its bytes never came" }));
    return send(context, upload, checkpoint, known);
  },
});
