import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import type { AllowanceRow } from "#core/store/allowances";
import * as appDays from "#core/store/app-days";
import type { AppReading } from "#core/store/app-days";
import { strict } from "../../support/database.ts";
import { empty, jobIn, NOW, put, putLane } from "../../support/rows.ts";

const db = strict(env.DB);
const DAY = 86_400_000;
const LEASE_MS = 75_000;
const MARGIN = 15_000;
const APP = "app:app_1:POST /2/tweets";

beforeEach(async () => {
  await empty(env.DB);
  await putLane(env.DB);
  await put(env.DB, "jobs", jobIn("running"));
});

const allowance = () =>
  env.DB.prepare("SELECT * FROM allowances WHERE name = ?").bind(APP).first<AllowanceRow>();
const putUsed = (used: number, resets_at = NOW + DAY / 2) =>
  put(env.DB, "allowances", { name: APP, used, since: NOW - DAY / 2, late_from: NOW + DAY, resets_at });

const learn = (change: Partial<AppReading> = {}, now = NOW) =>
  db.batch([
    appDays.learn(
      db,
      now,
      [
        {
          client_id: "cli_1",
          job_id: "job_1",
          lease: "lse_1",
          endpoint: "POST /2/tweets",
          allowed: 50,
          used: 30,
          resets_in_ms: 1000,
          held: 0,
          ...change,
        },
      ],
      LEASE_MS,
    ),
  ]);
test("what X says of an app's day is kept, with what the lane still holds of it", async () => {
  await learn({ held: 5 });
  expect(await allowance()).toMatchObject({ limit: 50, used: 35, resets_at: NOW + 1000 + MARGIN });
});

test("X's count counts no less than we have counted", async () => {
  await putUsed(40);
  await learn();
  expect(await allowance()).toMatchObject({ limit: 50, used: 40 });
});

test("X's reset begins a new window where ours was over", async () => {
  await putUsed(100, NOW);
  await learn({ used: 2, resets_in_ms: DAY });
  expect(await allowance()).toMatchObject({ used: 2, since: NOW, resets_at: NOW + DAY + MARGIN });
});

test("what is known is not written again", async () => {
  await learn();
  const [result] = await learn({ used: 29, resets_in_ms: 999 });
  expect(result?.meta.changes).toBe(0);
});

test("X's word counts from the holder of the job alone", async () => {
  await learn({ lease: "lse_2" });
  expect(await allowance()).toBeNull();
});

test("while much is left, X's count is worth a write a quantum; near the end, each", async () => {
  await putUsed(90);
  const changes = async (used: number) =>
    (await learn({ allowed: 100, used, resets_in_ms: DAY }))[0]?.meta.changes;
  await changes(10);
  expect(await changes(29)).toBe(0);
  expect(await changes(30)).toBe(1);
  await changes(85);
  expect(await changes(86)).toBe(1);
  expect(await allowance()).toMatchObject({ used: 90, seen: 86 });
});
