import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import * as events from "#core/store/events";
import { all } from "#core/store/sql";
import { empty, NOW, put } from "../../support/rows.ts";

const db = env.DB;
const row = (client_id = "cli_1") => ({
  client_id,
  type: "account.connected",
  account_id: null,
  data: "{}",
  subject: "acc_10",
  created_at: NOW,
});
const ids = async () =>
  (await all<{ id: string }>(db.prepare("SELECT id FROM events ORDER BY id"))).map(({ id }) => id);

beforeEach(() => empty(db));

test("an event stands only behind a change", async () => {
  const change = db.prepare("UPDATE lanes SET next_at = 1 WHERE lane = 'none'");
  await db.batch([change, events.insert(db, row())]);
  expect(await ids()).toEqual([]);
  await db.batch([
    db.prepare("INSERT INTO x_users (x_user_id, account_id, client_id) VALUES ('1', 'a', 'c')"),
    events.insert(db, row()),
  ]);
  expect(await ids()).toEqual([expect.stringMatching(/^evt_[0-9A-Z]{22}0$/)]);
});

test("pruning deletes a bounded number of those clients' older ones", async () => {
  for (const id of ["evt_1", "evt_2", "evt_3", "evt_4"]) await put(db, "events", { ...row(), id });
  await put(db, "events", { ...row("cli_2"), id: "evt_0" });
  await events.prune(db, ["cli_1", "cli_3"], "evt_4", 2).run();
  expect(await ids()).toEqual(["evt_0", "evt_3", "evt_4"]);
  await events.prune(db, ["cli_1", "cli_3"], "evt_4", 2).run();
  expect(await ids()).toEqual(["evt_0", "evt_4"]);
});
