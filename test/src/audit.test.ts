import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { audit, type Change } from "../../src/audit.ts";
import type { Caller } from "../../src/auth.ts";
import type { AuditRow } from "#core/store/audit";
import { newId } from "#core/lib/ids";
import { all } from "#core/store/sql";
import { ADMIN_KEY, mistakes, openDoor, type Door } from "../support/door.ts";
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

describe("GET /v1/audit", () => {
  const read = (door: Door, query: string, key = ADMIN_KEY) => door.call("GET", `/v1/audit${query}`, { key });

  test("lists a client's changes on all databases, the newest first, page by page, and nobody else's", async () => {
    const door = await openDoor();
    const { id } = await door.client({ shard: "1" });
    const other = await door.client();
    const note = async (shard: "0" | "1", nth: number, client_id = id) => {
      door.advance(1);
      const at = door.now();
      await put(shard === "0" ? env.DB : env.DB_1, "audit", {
        client_id,
        id: newId("aud", shard, at),
        actor: "admin",
        action: "app.created",
        subject: `app_${nth}${shard}`,
        detail: `{"nth":${nth}}`,
        created_at: at,
      });
    };
    for (const nth of [1, 2, 3, 4, 5]) await note(nth % 2 === 0 ? "0" : "1", nth);
    await note("0", 6, other.id);
    const first = await read(door, `?client_id=${id}&limit=3`);
    expect(first.body.data.map(({ detail }) => detail)).toEqual([
      { nth: 5 },
      { nth: 4 },
      { nth: 3 },
    ] as object[]);
    expect(first.body.has_more).toBe(true);
    const second = await read(door, `?client_id=${id}&limit=3&cursor=${first.body.next_cursor as string}`);
    expect(second.body).toMatchObject({
      data: [{ subject: "app_20" }, { subject: "app_11", at: "2026-11-23T12:00:00.001Z", actor: "admin" }],
      has_more: false,
      next_cursor: null,
    });
  });

  test("needs to be told whose by the admin key", async () => {
    const door = await openDoor();
    const { status, body } = await read(door, "");
    expect(status).toBe(400);
    expect(mistakes(body)).toEqual(["client_id required"]);
    expect((await read(door, "?client_id=cli_01KAB3C4D5V1StGXR8Z5jd0")).status).toBe(404);
    expect((await read(door, "?client_id=x&limit=0")).status).toBe(400);
  });

  test("shows a client's own key with the scope admin its own, and no other's", async () => {
    const door = await openDoor();
    const { id } = await door.client();
    const other = await door.client();
    const key = await door.key(id, { scopes: ["admin"] });
    await door.call("PATCH", `/v1/clients/${id}`, { key, body: { name: "renamed" } });
    for (const query of ["", `?client_id=${id}`])
      expect((await read(door, query, key)).body.data).toMatchObject([
        { action: "client.changed", subject: id },
      ]);
    expect((await read(door, `?client_id=${other.id}`, key)).status).toBe(404);
  });
});
