import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import * as apps from "#core/store/apps";
import { all, first } from "#core/store/sql";
import { empty, NOW, put } from "../../support/rows.ts";

beforeEach(() => empty(env.DB));

const row = {
  id: "app_1",
  client_id: "cli_1",
  name: "ours",
  x_client_id: "x",
  secret: "sealed",
  created_at: NOW,
};

test("an app is found by its id, with its sealed secret", async () => {
  await apps.insert(env.DB, row).run();
  expect(await first(apps.find(env.DB, "app_1"))).toEqual(row);
  expect(await first(apps.find(env.DB, "app_2"))).toBeNull();
});

test("a client's apps are listed in pages, and nobody else's", async () => {
  for (const id of ["app_1", "app_2", "app_3"]) await put(env.DB, "apps", { ...row, id });
  await put(env.DB, "apps", { ...row, id: "app_4", client_id: "cli_2" });
  const page = async (after: string) =>
    (await all<{ id: string }>(apps.list(env.DB, "cli_1", after, 2))).map(({ id }) => id);
  expect(await page("")).toEqual(["app_1", "app_2"]);
  expect(await page("app_2")).toEqual(["app_3"]);
});

test.each([
  [{ name: "new", secret: undefined }, { name: "new" }],
  [{ name: undefined, secret: "fresh" }, { secret: "fresh" }],
  [{ name: undefined, secret: null }, { secret: null }],
  [{ name: undefined, secret: undefined }, {}],
  [
    { name: "", secret: "fresh" },
    { name: "", secret: "fresh" },
  ],
])("a change of %j is %j and nothing else", async (change, changed) => {
  await put(env.DB, "apps", row);
  await put(env.DB, "apps", { ...row, id: "app_2" });
  await apps.change(env.DB, "app_1", change).run();
  expect(await first(apps.find(env.DB, "app_1"))).toEqual({ ...row, ...changed });
  expect(await first(apps.find(env.DB, "app_2"))).toEqual({ ...row, id: "app_2" });
});

test("an app that is removed is gone, and no other", async () => {
  await put(env.DB, "apps", row);
  await put(env.DB, "apps", { ...row, id: "app_2" });
  await apps.remove(env.DB, "app_1").run();
  expect(await first(apps.find(env.DB, "app_1"))).toBeNull();
  expect(await first(apps.find(env.DB, "app_2"))).not.toBeNull();
});
