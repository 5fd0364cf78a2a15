import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { all } from "#core/store/sql";
import { event } from "#core/webhooks/events";
import { empty, NOW } from "../../support/rows.ts";

beforeEach(() => empty(env.DB));

const told = {
  client_id: "cli_1",
  type: "account.connected",
  account_id: "acc_0",
  data: { id: "acc_0" },
} as const;
const change = (where: string) =>
  env.DB.prepare(`UPDATE clients SET name = 'changed' WHERE name = ?`).bind(where);
const client = () =>
  env.DB.prepare("INSERT INTO clients (id, name, created_at) VALUES ('cli_1', 'before', 0)").run();

test("an event is written with its change, on the database of its account", async () => {
  await client();
  await env.DB.batch([change("before"), event(env.DB, told, NOW)]);
  expect(await all(env.DB.prepare("SELECT * FROM events"))).toEqual([
    {
      client_id: "cli_1",
      id: expect.stringMatching(/^evt_.*0$/) as string,
      type: "account.connected",
      account_id: "acc_0",
      subject: "acc_0",
      data: '{"id":"acc_0"}',
      created_at: NOW,
      tick: NOW,
    },
  ]);
});

test("what changed nothing is no event", async () => {
  await client();
  await env.DB.batch([change("something else"), event(env.DB, told, NOW)]);
  expect(await all(env.DB.prepare("SELECT * FROM events"))).toEqual([]);
});
