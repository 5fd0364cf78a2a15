import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import * as limits from "#core/store/limits";
import { all } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { accountRow, empty, jobIn, NOW, put, putLane } from "../../support/rows.ts";

const db = strict(env.DB);
const account = { id: "acc_1", client_id: "cli_1", app_id: "app_1" };

beforeEach(() => empty(env.DB));

test("an account's lanes are found, with what is due in each", async () => {
  await put(env.DB, "accounts", accountRow());
  await put(env.DB, "accounts", accountRow({ id: "acc_2", x_user_id: "2" }));
  for (const lane of ["tweets:acc_1", "deletes:acc_1", "tweets:acc_2"]) await putLane(env.DB, { lane });
  await put(env.DB, "jobs", jobIn("queued", { id: "job_1" }));
  await put(env.DB, "jobs", jobIn("queued", { id: "job_2", due_at: NOW + 1 }));
  await put(env.DB, "jobs", jobIn("succeeded", { id: "job_3" }));
  const found = await all<{ lane: string; jobs: number }>(
    limits.lanes(db, NOW, account, ["tweets", "deletes"]),
  );
  expect(found.map(({ lane, jobs }) => [lane, jobs]).sort()).toEqual([
    ["deletes:acc_1", 0],
    ["tweets:acc_1", 1],
  ]);
});

test("its closed gates are found, and no other's", async () => {
  const own = [
    "app:app_1",
    "app:app_1:POST /2/tweets",
    "account:acc_1",
    "window:acc_1:GET /2/users/me",
    "spend:cli_1",
  ];
  const others = ["app:app_10", "app:app_2:POST /2/tweets", "account:acc_2", "window:acc_10:x", "x:tweets"];
  for (const name of [...own, ...others])
    await put(env.DB, "gates", { name, open_at: NOW + 1, reason: "r", updated_at: NOW });
  await put(env.DB, "gates", { name: "thread:acc_1", open_at: NOW, reason: "r", updated_at: NOW });
  const found = await all<{ name: string }>(limits.closed(db, NOW, account));
  expect(found.map(({ name }) => name).sort()).toEqual([...own].sort());
});

test("its allowances are found: the app's, its own cap, and the client's where that is kept", async () => {
  const row = { since: 0, late_from: 0, resets_at: NOW, limit: 5 };
  for (const name of ["app:app_1:a", "app:app_1:b", "app:app_2:a", "spend:acc_1", "spend:acc_2"])
    await put(env.DB, "allowances", { ...row, name });
  await put(env.DB, "allowances", { ...row, name: "spend:cli_1", lent: 1 });
  const found = await all<{ name: string }>(limits.allowances(db, account));
  expect(found.map(({ name }) => name).sort()).toEqual(["app:app_1:a", "app:app_1:b", "spend:acc_1"]);
  expect(await all(limits.clientCap(db, "cli_1"))).toEqual([]);
  await env.DB.prepare("UPDATE allowances SET lent = 0").run();
  expect(await all(limits.clientCap(db, "cli_1"))).toHaveLength(1);
});
