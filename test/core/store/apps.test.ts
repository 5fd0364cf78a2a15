import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import * as apps from "#core/store/apps";
import { first } from "#core/store/sql";
import { empty, NOW } from "../../support/rows.ts";

beforeEach(() => empty(env.DB));

test("an app is found by its id, with its sealed secret", async () => {
  const row = {
    id: "app_1",
    client_id: "cli_1",
    name: "ours",
    x_client_id: "x",
    secret: "sealed",
    created_at: NOW,
  };
  await apps.insert(env.DB, row).run();
  expect(await first(apps.find(env.DB, "app_1"))).toEqual(row);
  expect(await first(apps.find(env.DB, "app_2"))).toBeNull();
});
