import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import * as gauges from "#core/store/gauges";
import type { OpenRow } from "#core/store/gauges";
import { all } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { accountRow, empty, jobIn, NOW, put, putLane } from "../../support/rows.ts";

const db = strict(env.DB);

beforeEach(async () => {
  await empty(env.DB);
});

const putWindow = (lane: string, remaining: number, resets_at: number, next_at: number | null = NOW) =>
  putLane(env.DB, { lane, next_at, window: JSON.stringify({ limit: 100, remaining, resets_at }) });

test("the least that is left is told by the kind of lane, of windows that go on and lanes with something to do", async () => {
  await putWindow("tweets:acc_1", 9, NOW + 1);
  await putWindow("tweets:acc_2", 3, NOW + 1);
  await putWindow("tweets:acc_3", 0, NOW);
  await putWindow("tweets:acc_4", 1, NOW + 1, null);
  await putWindow("deletes:acc_1", 50, NOW + 1);
  expect(await all(gauges.windows(db, NOW))).toEqual([
    { lane: "deletes", remaining: 50 },
    { lane: "tweets", remaining: 3 },
  ]);
});

test("an app's window that is over has used only what was late", async () => {
  const row = { limit: null, since: 1, late_from: 1 };
  await put(env.DB, "allowances", { ...row, name: "app:a:POST /2/tweets", used: 5, late: 2, resets_at: NOW });
  await put(env.DB, "allowances", {
    ...row,
    name: "app:b:POST /2/tweets",
    used: 5,
    late: 2,
    resets_at: NOW + 1,
    limit: 7,
  });
  await put(env.DB, "allowances", { ...row, name: "spend:cli_1", used: 5, late: 0, resets_at: NOW + 1 });
  expect(await all(gauges.appWindows(db, NOW))).toEqual([
    { name: "app:a:POST /2/tweets", limit: null, used: 2 },
    { name: "app:b:POST /2/tweets", limit: 7, used: 5 },
  ]);
});

test("accounts whose grant is dead are counted from their index alone", async () => {
  let count = 0;
  for (const state of ["connected", "reconnect_required", "reconnect_required"] as const)
    await put(env.DB, "accounts", accountRow({ id: `acc_${count++}`, state }));
  const { results, meta } = await gauges.toReconnect(db).run<{ count: number }>();
  expect(results).toEqual([{ count: 2 }]);
  expect(meta.rows_read).toBeLessThanOrEqual(4);
});

test("open jobs are counted by the kind of lane, from their index alone", async () => {
  for (const [index, lane] of ["tweets:acc_1", "tweets:acc_2", "deletes:acc_1"].entries())
    await put(env.DB, "jobs", jobIn("waiting", { id: `job_${index}`, lane }));
  await put(env.DB, "jobs", jobIn("succeeded", { id: "job_9" }));
  const { results, meta } = await gauges.open(db).run<OpenRow>();
  expect(results).toEqual([
    { lane: "deletes", jobs: 1 },
    { lane: "tweets", jobs: 2 },
  ]);
  expect(meta.rows_read).toBeLessThanOrEqual(2 * 3);
});
