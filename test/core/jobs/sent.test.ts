import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { createBill } from "#core/jobs/bill";
import type { Claimed } from "#core/jobs/run";
import { sentOf } from "#core/jobs/sent";
import { createHarness } from "../../support/harness.ts";

test("what is known of an earlier attempt is when it began, what was newest then, and whose it was", async () => {
  const h = await createHarness();
  const job = { id: "job_10", created_at: 5, sent_at: 7, newest_before: "12", x_user_id: "9" } as Claimed;
  const sent = sentOf(h.consumer, job, new Map(), createBill(h.consumer.prices));
  expect(sent).toMatchObject({ at: 7, newest_id: "12", x_user_id: "9" });
  expect(sent.skew_ms()).toBe(0);
  expect(await sent.taken([])).toEqual(new Set());
});

test("before anything was sent, it is when the job was made", async () => {
  const h = await createHarness();
  const job = { id: "job_10", created_at: 5, sent_at: null, newest_before: null, x_user_id: null } as Claimed;
  expect(sentOf({ databases: { DB: env.DB } }, job, new Map(), createBill(h.consumer.prices)).at).toBe(5);
});
