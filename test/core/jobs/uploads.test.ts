import { expect, test } from "vitest";
import { uploadOf, type Reason } from "#core/jobs/uploads";
import { isId } from "#core/lib/ids";

const wanted = {
  client_id: "cli_1",
  account_id: "acc_01KAB3C4D5V1StGXR8Z5jd1",
  media_id: "med_01KAB3C4D5V1StGXR8Z5jd0",
};
const id = async (reason: Reason, change = {}) => (await uploadOf({ ...wanted, ...change }, reason)).job_id;

test("it is the same job for the same reason, on the account's database", async () => {
  expect(await id({ received: true })).toBe(await id({ received: true }));
  expect(isId("job", await id({ received: true }))).toBe(true);
  expect((await id({ received: true })).at(-1)).toBe("1");
});

test("another reason, account or medium is another job", async () => {
  const ids = await Promise.all([
    id({ received: true }),
    id({ after: null }),
    id({ after: "job_1" }),
    id({ ahead: true, run_at: 0, job_id: "job_1" }),
    id({ received: true }, { account_id: "acc_01KAB3C4D5V1StGXR8Z5jd0" }),
    id({ received: true }, { media_id: "med_01KAB3C4D5V1StGXR8Z5jd1" }),
  ]);
  expect(new Set(ids).size).toBe(6);
});

test("what is sent ahead of tweets that come within hours is one job, and a day later another", async () => {
  const hour = 3_600_000;
  expect(await id({ ahead: true, run_at: 1, job_id: "job_1" })).toBe(
    await id({ ahead: true, run_at: 5 * hour, job_id: "job_1" }),
  );
  expect(await id({ ahead: true, run_at: 1, job_id: "job_1" })).not.toBe(
    await id({ ahead: true, run_at: 25 * hour, job_id: "job_1" }),
  );
  const { run_at, lane } = await uploadOf(wanted, { ahead: true, run_at: 5, job_id: "job_1" });
  expect([run_at, lane]).toEqual([5, `media:${wanted.media_id}:${wanted.account_id}`]);
});
