import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import * as audit from "#core/store/audit";
import { all } from "#core/store/sql";
import { empty, NOW, put } from "../../support/rows.ts";

const db = env.DB;
const row = (id: string, client_id = "cli_1") => ({
  client_id,
  id,
  actor: "admin",
  action: "key.created",
  subject: "key_1",
  detail: "{}",
  created_at: NOW,
});
const ids = async () =>
  (await all<{ id: string }>(db.prepare("SELECT id FROM audit ORDER BY id"))).map(({ id }) => id);

beforeEach(() => empty(db));

test("an entry stands only behind a change", async () => {
  const change = db.prepare("UPDATE lanes SET next_at = 1 WHERE lane = 'none'");
  await db.batch([change, audit.insert(db, row("aud_1"))]);
  expect(await ids()).toEqual([]);
  await db.batch([
    db.prepare("INSERT INTO x_users (x_user_id, account_id, client_id) VALUES ('1', 'a', 'c')"),
    audit.insert(db, row("aud_1")),
  ]);
  expect(await ids()).toEqual(["aud_1"]);
});

test("pruning deletes a bounded number of those clients' older ones", async () => {
  for (const id of ["aud_1", "aud_2", "aud_3", "aud_4"]) await put(db, "audit", row(id));
  await put(db, "audit", row("aud_0", "cli_2"));
  await audit.prune(db, ["cli_1", "cli_3"], "aud_4", 2).run();
  expect(await ids()).toEqual(["aud_0", "aud_3", "aud_4"]);
  await audit.prune(db, ["cli_1", "cli_3"], "aud_4", 2).run();
  expect(await ids()).toEqual(["aud_0", "aud_4"]);
});

test("a list goes from the newest down, below an id, of one client", async () => {
  for (const id of ["aud_1", "aud_2", "aud_3"]) await put(db, "audit", row(id));
  await put(db, "audit", row("aud_9", "cli_2"));
  const listed = await all<{ id: string }>(audit.list(db, "cli_1", "aud_3", 5));
  expect(listed.map(({ id }) => id)).toEqual(["aud_2", "aud_1"]);
});
