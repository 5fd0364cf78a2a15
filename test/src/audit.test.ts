import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { audit, type Change } from "../../src/audit.ts";
import type { Caller } from "../../src/auth.ts";
import type { AuditRow } from "#core/store/audit";
import { all } from "#core/store/sql";
import { empty, NOW, put } from "../support/rows.ts";

const db = env.DB;
const change: Change = { client_id: "cli_10", action: "key.created", subject: "key_11" };
const byKey: Caller = {
  key_id: "key_20",
  session_id: null,
  client_id: "cli_10",
  scopes: [],
  account_ids: null,
};
const noted = () => all<AuditRow>(db.prepare("SELECT * FROM audit"));

describe("a change", () => {
  beforeEach(() => empty(db));

  const make = (caller: Caller, more: Partial<Change> = {}) =>
    db.batch([
      db.prepare("INSERT INTO x_users (x_user_id, account_id, client_id) VALUES ('1', 'a', 'c')"),
      audit(db, caller, { ...change, ...more }, NOW),
    ]);

  test("is noted with the key that made it, under an id of the subject's database", async () => {
    await make(byKey, { detail: { scopes: ["jobs:read"] } });
    const [entry] = await noted();
    expect(entry).toMatchObject({
      client_id: "cli_10",
      actor: "key_20",
      action: "key.created",
      subject: "key_11",
      detail: '{"scopes":["jobs:read"]}',
      created_at: NOW,
    });
    expect(entry?.id).toMatch(/^aud_.{22}1$/);
  });

  test("by a session is noted with the session, and the key behind it", async () => {
    await make({ ...byKey, session_id: "ses_1" }, { detail: { more: 1 } });
    expect(await noted()).toMatchObject([{ actor: "ses_1", detail: '{"more":1,"key_id":"key_20"}' }]);
  });

  test("by the admin key is noted as the admin's", async () => {
    await make({ ...byKey, key_id: "admin", client_id: null });
    expect(await noted()).toMatchObject([{ actor: "admin", detail: "{}" }]);
  });

  test("that changed nothing is not noted", async () => {
    await put(db, "x_users", { x_user_id: "1", account_id: "a", client_id: "c" });
    await db.batch([
      db.prepare("UPDATE x_users SET client_id = 'd' WHERE x_user_id = '2'"),
      audit(db, byKey, change, NOW),
    ]);
    expect(await noted()).toEqual([]);
  });
});
