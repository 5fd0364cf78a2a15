import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { all } from "#core/store/sql";
import { audit } from "../../src/audit.ts";
import { empty, NOW, put } from "../support/rows.ts";

const caller = { key_id: "key_1" };
const change = { client_id: "cli_1", action: "app.created", subject: "app_x1" };
const rows = () => all<{ id: string }>(env.DB.prepare("SELECT * FROM audit"));

beforeEach(() => empty(env.DB));

test("an entry says who changed what, and lives where the thing does", async () => {
  const made = env.DB.prepare(
    "INSERT INTO x_users (x_user_id, account_id, client_id) VALUES ('1', 'a', 'c')",
  );
  await env.DB.batch([made, audit(env.DB, caller, { ...change, detail: { a: 1 } }, NOW)]);
  expect(await rows()).toEqual([
    {
      ...change,
      id: expect.stringMatching(/^aud_.+1$/) as string,
      actor: "key_1",
      detail: '{"a":1}',
      created_at: NOW,
    },
  ]);
});

test("a change that did not come about is not noted", async () => {
  await put(env.DB, "x_users", { x_user_id: "1", account_id: "a", client_id: "c" });
  const none = env.DB.prepare("UPDATE x_users SET client_id = 'd' WHERE x_user_id = '2'");
  await env.DB.batch([none, audit(env.DB, caller, change, NOW)]);
  expect(await rows()).toEqual([]);
});
