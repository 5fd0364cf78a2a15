import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { sha256 } from "#core/lib/bytes";
import { ADMIN_KEY, mistakes, openDoor, type Door } from "../support/door.ts";

const make = (door: Door, path: string, body: unknown) => door.call("POST", path, { key: ADMIN_KEY, body });
const read = (door: Door, path: string, key = ADMIN_KEY) => door.call("GET", path, { key });
const remove = (door: Door, id: string, key = ADMIN_KEY) => door.call("DELETE", `/v1/keys/${id}`, { key });
const idOf = (key: string): string => `key_${key.slice(4, 27)}`;

describe("POST /v1/keys", () => {
  test("makes a key that works, shows it once and stores its hash alone", async () => {
    const door = await openDoor();
    const { id } = await door.client();
    const { status, headers, body } = await make(door, "/v1/keys", { client_id: id, scopes: ["jobs:read"] });
    expect(status).toBe(201);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(body).toMatchObject({ client_id: id, scopes: ["jobs:read"], account_ids: null, expires_at: null });
    const key = body.key as string;
    door.keep(key);
    expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(200);
    expect((await door.call("POST", "/v1/tweets", { key, body: {} })).status).toBe(403);
    const row = await env.DB.prepare("SELECT * FROM api_keys WHERE id = ?").bind(body.id).first();
    expect(row?.hash).toBe(await sha256(key.slice(-40)));
    expect(JSON.stringify(row)).not.toContain(key.slice(-40));
  });

  test("makes one for some accounts and until some time", async () => {
    const door = await openDoor();
    const { id, account_id } = await door.tenant();
    const { body } = await make(door, "/v1/keys", {
      client_id: id,
      scopes: ["jobs:read", "accounts:read"],
      account_ids: [account_id],
      expires_at: "2026-11-23T13:00:01+01:00",
    });
    expect(body).toMatchObject({ account_ids: [account_id], expires_at: "2026-11-23T12:00:01.000Z" });
    const key = body.key as string;
    door.keep(key);
    expect((await door.call("GET", `/v1/accounts/${account_id}`, { key })).status).toBe(200);
    door.advance(1000);
    expect((await door.call("GET", `/v1/accounts/${account_id}`, { key })).status).toBe(401);
  });

  test("never makes the same key twice", async () => {
    const door = await openDoor();
    const { id } = await door.client();
    const ask = { client_id: id, scopes: ["jobs:read"] };
    const keys = await Promise.all([1, 2, 3].map(() => make(door, "/v1/keys", ask)));
    expect(new Set(keys.map(({ body }) => body.key)).size).toBe(3);
  });

  test.each(["cli_01KAB3C4D5V1StGXR8Z5jd0", "cli_01KAB3C4D5V1StGXR8Z5jdz"])(
    "refuses a client that is not there: %s",
    async (client_id) => {
      const door = await openDoor();
      const { status, body } = await make(door, "/v1/keys", { client_id, scopes: ["jobs:read"] });
      expect(status).toBe(422);
      expect(mistakes(body)).toEqual(["/client_id not_found"]);
    },
  );

  test.each<[Record<string, unknown>, string]>([
    [{ client_id: "acc_01KAB3C4D5V1StGXR8Z5jd0" }, "/client_id invalid"],
    [{ client_id: null }, "/client_id invalid_type"],
    [{ scopes: [] }, "/scopes too_small"],
    [{ scopes: ["jobs:everything"] }, "/scopes/0 invalid_value"],
    [{ scopes: "jobs:read" }, "/scopes invalid_type"],
    [{ account_ids: ["job_01KAB3C4D5V1StGXR8Z5jd0"] }, "/account_ids/0 invalid"],
    [{ expires_at: "tomorrow" }, "/expires_at invalid_format"],
    [{ expires_at: "2026-11-23T12:00:00Z" }, "/expires_at too_early"],
    [{ expires_at: "2020-01-01T00:00:00Z" }, "/expires_at too_early"],
    [{ key: "tap_mine" }, "/key unknown_field"],
  ])("refuses %j: %s", async (wrong, mistake) => {
    const door = await openDoor();
    const { id } = await door.client();
    const answer = await make(door, "/v1/keys", { client_id: id, scopes: ["jobs:read"], ...wrong });
    expect(answer.status).toBe(422);
    expect(mistakes(answer.body).join()).toBe(mistake);
  });

  test("points at each account that is not the client's, on whichever database, and at all else that is wrong", async () => {
    const door = await openDoor();
    const { id } = await door.client();
    const theirs = await door.tenant({ shard: "1" });
    const own = [await door.account(id), await door.account(id, { shard: "1" })];
    const account_ids = [
      ...own,
      theirs.account_id,
      own[0],
      "acc_01KAB3C4D5V1StGXR8Z5jd0",
      "acc_01KAB3C4D5V1StGXR8Z5jdz",
    ];
    const asked = { client_id: id, scopes: ["jobs:read"], account_ids, expires_at: "2020-01-01T00:00:00Z" };
    const { status, body } = await make(door, "/v1/keys", asked);
    expect(status).toBe(422);
    expect(mistakes(body)).toEqual([
      "/account_ids/2 not_found",
      "/account_ids/4 not_found",
      "/account_ids/5 not_found",
      "/expires_at too_early",
    ]);
    const good = await make(door, "/v1/keys", {
      ...asked,
      account_ids: own,
      expires_at: "2027-01-01T00:00:00Z",
    });
    expect(good).toMatchObject({ status: 201, body: { account_ids: own } });
  });

  test.each([[[]], [["acc"]]])("makes no admin of %j accounts: it could widen itself", async (some) => {
    const door = await openDoor();
    const { id, account_id } = await door.tenant();
    const account_ids = some.map(() => account_id);
    const asked = { client_id: id, scopes: ["admin", "jobs:read"], account_ids };
    const { status, body } = await make(door, "/v1/keys", asked);
    expect(status).toBe(422);
    expect(mistakes(body)).toEqual(["/account_ids not_allowed"]);
  });

  test("is noted, without the key", async () => {
    const door = await openDoor();
    const { id } = await door.client();
    const { body } = await make(door, "/v1/keys", { client_id: id, scopes: ["jobs:read"] });
    door.keep(body.key as string, (body.key as string).slice(-40));
    const { body: audit } = await read(door, `/v1/audit?client_id=${id}`);
    expect(audit.data).toMatchObject([
      {
        at: "2026-11-23T12:00:00.000Z",
        actor: "admin",
        action: "key.created",
        subject: body.id,
        detail: { scopes: ["jobs:read"], account_ids: null, expires_at: null },
      },
    ]);
  });
});

describe("GET /v1/keys", () => {
  test("lists a client's keys, page by page, with what tells them apart and nothing that lets anybody in", async () => {
    const door = await openDoor();
    const { id, key } = await door.client({ shard: "1" });
    await door.client({ shard: "1" });
    door.advance(1);
    const narrow = await door.key(id, {
      scopes: ["jobs:read"],
      account_ids: [],
      expires_at: door.now() + 1000,
    });
    await door.call("GET", "/v1/jobs", { key });
    await door.settled();
    const { status, body } = await read(door, `/v1/keys?client_id=${id}&limit=1`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      has_more: true,
      next_cursor: idOf(key),
      data: [
        {
          id: idOf(key),
          client_id: id,
          prefix: key.slice(0, 27),
          account_ids: null,
          expires_at: null,
          last_used_at: "2026-11-23T12:00:00.001Z",
          revoked_at: null,
          created_at: "2026-11-23T12:00:00.000Z",
        },
      ],
    });
    const next = await read(door, `/v1/keys?client_id=${id}&limit=1&cursor=${idOf(key)}`);
    expect(next.body).toMatchObject({
      has_more: false,
      next_cursor: null,
      data: [
        {
          id: idOf(narrow),
          scopes: ["jobs:read"],
          account_ids: [],
          expires_at: "2026-11-23T12:00:01.001Z",
          last_used_at: null,
        },
      ],
    });
  });

  test("says whose, or nothing", async () => {
    const door = await openDoor();
    const missing = await read(door, "/v1/keys");
    expect(missing.status).toBe(400);
    expect(mistakes(missing.body)).toEqual(["client_id required"]);
    expect((await read(door, "/v1/keys?client_id=acc_01KAB3C4D5V1StGXR8Z5jd0")).status).toBe(400);
    expect((await read(door, "/v1/keys?client_id=cli_01KAB3C4D5V1StGXR8Z5jd0")).status).toBe(404);
  });
});

describe("DELETE /v1/keys/{id}", () => {
  test("revokes a key for good, and says so again when asked again", async () => {
    const door = await openDoor();
    const { id, key } = await door.client();
    expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(200);
    const revoked = await remove(door, idOf(key));
    expect(revoked).toMatchObject({
      status: 200,
      body: { id: idOf(key), revoked_at: "2026-11-23T12:00:00.000Z" },
    });
    door.advance(5_000);
    expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(401);
    expect((await remove(door, idOf(key))).body).toMatchObject({ revoked_at: "2026-11-23T12:00:00.000Z" });
    const { body: keys } = await read(door, `/v1/keys?client_id=${id}`);
    expect(keys.data).toMatchObject([{ id: idOf(key), revoked_at: "2026-11-23T12:00:00.000Z" }]);
    const { body: audit } = await read(door, `/v1/audit?client_id=${id}`);
    expect(audit.data).toMatchObject([{ actor: "admin", action: "key.revoked", subject: idOf(key) }]);
    expect(audit.data).toHaveLength(1);
  });

  test.each([
    "key_01KAB3C4D5V1StGXR8Z5jd0",
    "key_01KAB3C4D5V1StGXR8Z5jdz",
    "key_1",
    "cli_01KAB3C4D5V1StGXR8Z5jd0",
  ])("does not find %s", async (id) => {
    const door = await openDoor();
    expect((await remove(door, id)).status).toBe(404);
  });
});

describe("a client's own key with the scope admin", () => {
  const admin = async (door: Door) => {
    const tenant = await door.tenant();
    return { ...tenant, admin: await door.key(tenant.id, { scopes: ["admin"] }) };
  };

  test("makes, lists and revokes keys of its client, itself among them", async () => {
    const door = await openDoor();
    const { id, key, admin: mine, account_id } = await admin(door);
    const asked = { client_id: id, scopes: ["jobs:write"], account_ids: [account_id] };
    const made = await door.call("POST", "/v1/keys", { key: mine, body: asked });
    expect(made.status).toBe(201);
    door.keep(made.body.key as string);
    const { body } = await read(door, `/v1/keys?client_id=${id}`, mine);
    expect(body.data.map((one) => one.id).sort()).toEqual([idOf(key), idOf(mine), made.body.id].sort());
    for (const gone of [made.body.id, idOf(mine)]) expect((await remove(door, gone, mine)).status).toBe(200);
    const { body: audit } = await read(door, `/v1/audit?client_id=${id}`);
    expect(new Set(audit.data.map(({ actor }) => actor))).toEqual(new Set([idOf(mine)]));
    door.advance(5_000);
    expect((await read(door, `/v1/keys?client_id=${id}`, mine)).status).toBe(401);
  });

  test("finds no other client's", async () => {
    const door = await openDoor();
    const { admin: mine, account_id } = await admin(door);
    const theirs = await admin(door);
    expect((await read(door, `/v1/keys?client_id=${theirs.id}`, mine)).status).toBe(404);
    expect((await remove(door, idOf(theirs.key), mine)).status).toBe(404);
    const made = await door.call("POST", "/v1/keys", {
      key: mine,
      body: { client_id: theirs.id, scopes: ["admin"] },
    });
    expect(made.status).toBe(422);
    expect(mistakes(made.body)).toEqual(["/client_id not_found"]);
    const foreign = await door.call("POST", "/v1/keys", {
      key: theirs.admin,
      body: { client_id: theirs.id, scopes: ["jobs:read"], account_ids: [account_id] },
    });
    expect(mistakes(foreign.body)).toEqual(["/account_ids/0 not_found"]);
    door.advance(5_000);
    expect((await door.call("GET", "/v1/jobs", { key: theirs.key })).status).toBe(200);
  });
});
