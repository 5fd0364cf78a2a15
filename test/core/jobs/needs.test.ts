import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { mediaOf, needsOf } from "#core/jobs/needs";
import type { Kind } from "#core/jobs/define";
import { tweetCreate } from "#core/jobs/kinds/tweet-create";
import { NOW } from "../../support/rows.ts";

const kind = tweetCreate as unknown as Kind;
const account_id = "acc_01KAB3C4D5V1StGXR8Z5jd0";
const [one, other] = ["med_01KAB3C4D5V1StGXR8Z5jd0", "med_01KAB3C4D5V1StGXR8Z5jd1"];
const order = (media: string[] | undefined, run_at: number | null = null) => ({
  client_id: "cli_1",
  account_id,
  kind,
  params: { account_id, text: "a", media },
  run_at,
});
const count = async (...of: Parameters<typeof order>) =>
  (await needsOf(env.DB, [{ ...order(...of), job_id: "job_1" }], { now: NOW, stored: NOW })).length;

test("media of ours are needed once each, X's own are not", () => {
  expect(mediaOf(order([one, "12", one, other]))).toEqual([one, other]);
  expect(mediaOf(order(undefined))).toEqual([]);
});

test("a job without media needs nothing; one that is due soon that they are kept; a later one that they are sent ahead", async () => {
  expect(await count(undefined)).toBe(0);
  expect(await count(["12"])).toBe(0);
  expect(await count([one])).toBe(1);
  expect(await count([one], NOW + 29 * 60_000)).toBe(1);
  expect(await count([one], NOW + 31 * 60_000)).toBe(3);
});
