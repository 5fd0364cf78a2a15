import { expect, test } from "vitest";
import { mediaOf } from "#core/jobs/awaited";
import type { Kind } from "#core/jobs/define";
import { mediaUpload } from "#core/jobs/kinds/media-upload";
import { tweetCreate } from "#core/jobs/kinds/tweet-create";
import { settle, type Settling, type Verdict } from "#core/jobs/settle";
import { awaitMedium, done, fail, again } from "#core/lib/outcome";
import { Problem } from "#core/lib/problem";
import { jobIn, NOW } from "../../support/rows.ts";

const account_id = "acc_01KAB3C4D5V1StGXR8Z5jd0";
const media_id = "med_01KAB3C4D5V1StGXR8Z5jd0";
const FACTS = { backoff: { attempts: 5, base_s: 1, cap_s: 1 }, reconcilable: true, gates: [], shut_at: null };

const of = (kind: unknown, params: object, verdict: Verdict) => {
  const job: Settling = {
    ...jobIn("running", { account_id, params: JSON.stringify({ account_id, ...params }) }),
    lease: "lse_1",
    token_version: 1,
  };
  return mediaOf(kind as Kind, job, verdict, settle(job, verdict, FACTS, NOW, 0.5).ending);
};

test("a job that waits for a medium asks for it where nobody is at it, and is put back if it has ended meanwhile", async () => {
  const asked = await of(tweetCreate, { text: "a" }, awaitMedium(media_id, { after: null }));
  expect(asked).toMatchObject({
    uploads: [{ media_id, account_id }],
    awaited: [{ account_id, media_id }],
    lanes: [],
  });
  expect((await of(tweetCreate, { text: "a" }, awaitMedium(media_id, null))).uploads).toEqual([]);
});

test("the end of a sending says what X calls the medium, and lets its account's tweets go on", async () => {
  const bound = { media_id, x_media_id: "77", x_expires_at: NOW };
  expect(await of(mediaUpload, { media_id }, done({}, { bound }))).toEqual({
    uploads: [],
    bound: [{ ...bound, client_id: "cli_1", account_id, job_id: "job_1", lease: "lse_1" }],
    awaited: [{ account_id, media_id }],
    lanes: [`tweets:${account_id}`],
  });
  const failed = await of(mediaUpload, { media_id }, fail(new Problem("x_forbidden")));
  expect(failed).toMatchObject({ bound: [], awaited: [{ account_id, media_id }] });
});

test.each([
  ["a sending that goes on", mediaUpload, { media_id }, again({}, 0)],
  ["a tweet that is posted", tweetCreate, { text: "a" }, done({})],
  ["a job whose kind is unknown", null, {}, done({})],
])("%s concerns nobody", async (_, kind, params, verdict) => {
  expect(await of(kind, params, verdict)).toEqual({ uploads: [], bound: [], awaited: [], lanes: [] });
});
