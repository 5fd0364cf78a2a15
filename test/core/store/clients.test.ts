import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import * as clients from "#core/store/clients";
import type { ClientRow } from "#core/store/clients";
import { all, first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { empty, NOW } from "../../support/rows.ts";

const db = strict(env.DB);
const client = (id: string, name = "n"): ClientRow => ({
  id,
  name,
  return_urls: "[]",
  webhook_secret: null,
  old_webhook_secret: null,
  old_webhook_secret_until: null,
  daily_cap: null,
  created_at: NOW,
});

beforeEach(() => empty(env.DB));

test("a client is added once, and found by its id", async () => {
  await clients.insert(db, client("cli_1", "first")).run();
  await clients.insert(db, client("cli_1", "second")).run();
  expect(await first(clients.find(db, "cli_1"))).toEqual(client("cli_1", "first"));
  expect(await first(clients.find(db, "cli_2"))).toBeNull();
});

test("clients are listed in pages", async () => {
  for (const id of ["cli_3", "cli_1", "cli_2"]) await clients.insert(db, client(id)).run();
  const page = async (after: string) =>
    (await all<ClientRow>(clients.list(db, after, 2))).map(({ id }) => id);
  expect(await page("")).toEqual(["cli_1", "cli_2"]);
  expect(await page("cli_2")).toEqual(["cli_3"]);
});

test("one of them can be listed alone", async () => {
  for (const id of ["cli_1", "cli_2"]) await clients.insert(db, client(id)).run();
  const only = async (after: string) =>
    (await all<ClientRow>(clients.list(db, after, 9, "cli_1"))).map(({ id }) => id);
  expect(await only("")).toEqual(["cli_1"]);
  expect(await only("cli_1")).toEqual([]);
});

test.each([
  [{ name: "new", return_urls: null }, { name: "new", return_urls: "[]" }, 1],
  [{ name: null, return_urls: '["u"]' }, { name: "n", return_urls: '["u"]' }, 1],
  [{ name: "n", return_urls: '["u"]' }, { name: "n", return_urls: '["u"]' }, 1],
  [{ name: "n", return_urls: "[]" }, { name: "n", return_urls: "[]" }, 0],
  [{ name: null, return_urls: null }, { name: "n", return_urls: "[]" }, 0],
  [{ name: null, return_urls: null, daily_cap: 0 }, { name: "n", daily_cap: 0 }, 1],
  [{ name: null, return_urls: null, daily_cap: null }, { name: "n", daily_cap: null }, 0],
])("a change by %j makes it %j and counts %i", async (fields, now, changes) => {
  for (const id of ["cli_1", "cli_2"]) await clients.insert(db, client(id)).run();
  expect((await clients.change(db, "cli_1", fields).run()).meta.changes).toBe(changes);
  expect(await first(clients.find(db, "cli_1"))).toMatchObject(now);
  expect(await first(clients.find(db, "cli_2"))).toEqual(client("cli_2"));
});

test("the table refuses another thing's id, and return addresses that are no list", async () => {
  await expect(clients.insert(db, client("acc_1")).run()).rejects.toThrow("CHECK");
  await expect(clients.insert(db, { ...client("cli_1"), return_urls: '"x"' }).run()).rejects.toThrow("CHECK");
});
