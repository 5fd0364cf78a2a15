import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { appPlace } from "#core/accounts/apps";
import { openRing } from "#core/lib/seal";
import type { AppRow } from "#core/store/apps";
import { mistakes, openDoor, type Door } from "../support/door.ts";
import { TEST_RING } from "../support/harness.ts";

const SECRET = "the-secret-of-a-tenant-and-of-nothing-else";
const SHOWN = {
  name: "ours",
  x_client_id: "x-of-tenant",
  type: "confidential",
  redirect_uri: "https://proxy.test/oauth/callback",
  created_at: "2026-11-23T12:00:00.000Z",
};

async function tenant(of: { shard?: "0" | "1" } = {}) {
  const door = await openDoor();
  door.keep(SECRET);
  const client = await door.client(of);
  return { door, ...client };
}

const bring = (door: Door, key: string, body: object = {}) =>
  door.call("POST", "/v1/apps", {
    key,
    body: { name: "ours", x_client_id: "x-of-tenant", x_client_secret: SECRET, ...body },
  });

/** The secret as it is stored, opened. */
async function secretOf(door: Door, id: string): Promise<string | null> {
  const row = await door.row<AppRow>(id, "apps");
  const ring = await openRing(TEST_RING, "TOKEN_KEYS");
  return row?.secret ? ring.open(row.secret, appPlace(id)) : null;
}

const audited = async (): Promise<string[]> => {
  const rows = await Promise.all(
    [env.DB, env.DB_1].map((db) => db.prepare("SELECT * FROM audit").all<Record<string, string>>()),
  );
  return rows
    .flatMap(({ results }) => results)
    .map(({ action, subject, actor }) => `${action ?? ""} ${subject ?? ""} ${actor?.slice(0, 4) ?? ""}`)
    .sort();
};

describe("POST /v1/apps", () => {
  test.each(["0", "1"] as const)(
    "keeps an app on its client's database %s, its secret sealed, and shows what to register at X",
    async (shard) => {
      const { door, id: clientId, key } = await tenant({ shard });
      const { status, body, headers } = await bring(door, key);
      expect(status).toBe(201);
      expect(body).toEqual({ id: expect.stringMatching(`^app_\\w+${shard}$`) as string, ...SHOWN });
      expect(headers.get("location")).toBe(`/v1/apps/${body.id}`);
      const row = await door.row<AppRow>(body.id, "apps");
      expect(row).toMatchObject({ client_id: clientId, secret: expect.stringMatching(/^test\./) as string });
      expect(await secretOf(door, body.id)).toBe(SECRET);
      expect(await audited()).toEqual([`app.created ${body.id} key_`]);
    },
  );

  test.each([undefined, null])("takes a public one, whose secret is %s", async (x_client_secret) => {
    const { door, key } = await tenant();
    const { body } = await bring(door, key, { x_client_secret, name: undefined });
    expect(body).toMatchObject({ type: "public", name: "" });
    expect(await secretOf(door, body.id)).toBeNull();
  });

  test("trims what was copied with its line's end", async () => {
    const { door, key } = await tenant();
    const { body } = await bring(door, key, {
      x_client_id: " x-of-tenant\n",
      x_client_secret: `${SECRET}\r\n`,
    });
    expect(body.x_client_id).toBe("x-of-tenant");
    expect(await secretOf(door, body.id)).toBe(SECRET);
  });

  test("shows the address that requests come to where none is set", async () => {
    const door = await openDoor({ PUBLIC_URL: "" });
    const { key } = await door.client();
    expect((await bring(door, key)).body.redirect_uri).toBe("https://proxy.test/oauth/callback");
  });

  test.each<[object, string[]]>([
    [{ x_client_id: undefined }, ["/x_client_id required"]],
    [{ x_client_id: "" }, ["/x_client_id too_small"]],
    [{ x_client_id: "two words" }, ["/x_client_id invalid_format"]],
    [{ x_client_secret: "\n" }, ["/x_client_secret too_small"]],
    [{ x_client_secret: "\ud800" }, ["/x_client_secret invalid_format"]],
    [{ x_client_secret: "x".repeat(501) }, ["/x_client_secret too_big"]],
    [{ x_client_secret: 7, name: 7 }, ["/name invalid_type", "/x_client_secret invalid_type"]],
    [{ name: "n".repeat(201) }, ["/name too_big"]],
    [{ client_secret: SECRET }, ["/client_secret unknown_field"]],
  ])("refuses %j: %j", async (wrong, found) => {
    const { door, key } = await tenant();
    const { status, body } = await bring(door, key, wrong);
    expect(status).toBe(422);
    expect(mistakes(body)).toEqual(found);
    expect(await audited()).toEqual([]);
  });

  test("is not available without a key to seal the secret with", async () => {
    const door = await openDoor({ TOKEN_KEYS: "" });
    const { key } = await door.client();
    expect(await bring(door, key)).toMatchObject({ status: 503, body: { code: "misconfigured" } });
    expect((await bring(door, key, { x_client_secret: null })).status).toBe(201);
  });
});

test("GET /v1/apps lists the client's own by pages, and nobody else's, nor the installation's", async () => {
  const { door, key } = await tenant();
  const other = await door.client();
  await bring(door, other.key);
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) {
    ids.push((await bring(door, key)).body.id);
    door.advance(1000);
  }
  const seen: string[] = [];
  for (let cursor = ""; ;) {
    const { body } = await door.call("GET", `/v1/apps?limit=2${cursor}`, { key });
    seen.push(...body.data.map(({ id }) => id));
    if (!body.has_more) break;
    cursor = `&cursor=${body.next_cursor as string}`;
  }
  expect(seen).toEqual(ids);
  expect((await door.call("GET", "/v1/apps?cursor=acc_1", { key })).status).toBe(400);
});

describe("PATCH /v1/apps/{id}", () => {
  const patch = (door: Door, key: string, id: string, body: object) =>
    door.call("PATCH", `/v1/apps/${id}`, { key, body });

  test("changes what it is given and leaves the rest", async () => {
    const { door, key } = await tenant();
    const { id } = (await bring(door, key)).body;
    expect((await patch(door, key, id, { name: "new" })).body).toEqual({ id, ...SHOWN, name: "new" });
    expect(await secretOf(door, id)).toBe(SECRET);
    const fresh = "a-secret-that-was-made-anew-at-x-for-this-app";
    door.keep(fresh);
    expect((await patch(door, key, id, { x_client_secret: `${fresh}\n` })).body).toMatchObject({
      name: "new",
    });
    expect(await secretOf(door, id)).toBe(fresh);
    expect((await patch(door, key, id, { x_client_secret: null })).body).toMatchObject({ type: "public" });
    expect((await patch(door, key, id, {})).body).toEqual({ id, ...SHOWN, name: "new", type: "public" });
    expect((await audited()).filter((entry) => entry.startsWith("app.changed"))).toHaveLength(4);
  });

  test("does not change whose app it is at X", async () => {
    const { door, key } = await tenant();
    const { id } = (await bring(door, key)).body;
    const { status, body } = await patch(door, key, id, { x_client_id: "another" });
    expect(status).toBe(422);
    expect(mistakes(body)).toEqual(["/x_client_id unknown_field"]);
  });
});

describe("DELETE /v1/apps/{id}", () => {
  test("forgets an app and its secret", async () => {
    const { door, key } = await tenant();
    const { id } = (await bring(door, key)).body;
    expect((await door.call("DELETE", `/v1/apps/${id}`, { key })).status).toBe(204);
    expect(await door.row(id, "apps")).toBeNull();
    expect((await door.call("DELETE", `/v1/apps/${id}`, { key })).status).toBe(404);
    expect(await audited()).toEqual([`app.created ${id} key_`, `app.deleted ${id} key_`].sort());
  });

  test.each(["0", "1"] as const)(
    "is refused while an account on database %s uses it, and goes through once that is disconnected",
    async (shard) => {
      const { door, id: clientId, key } = await tenant();
      const { id } = (await bring(door, key)).body;
      const account_id = await door.account(clientId, { shard });
      const db = shard === "1" ? env.DB_1 : env.DB;
      const set = (columns: string) => db.prepare(`UPDATE accounts SET ${columns}`).run();
      for (const state of ["connected", "reconnect_required"]) {
        await set(`app_id = '${id}', state = '${state}'`);
        const { status, body } = await door.call("DELETE", `/v1/apps/${id}`, { key });
        expect([status, body.code]).toEqual([409, "app_in_use"]);
        expect(body.detail).toContain(account_id);
      }
      await set("state = 'disconnected'");
      expect((await door.call("DELETE", `/v1/apps/${id}`, { key })).status).toBe(204);
    },
  );
});

describe("an app", () => {
  const ways = [
    ["GET", undefined],
    ["PATCH", { name: "theirs" }],
    ["DELETE", undefined],
  ] as const;

  test.each(ways)("of another client is not found by %s", async (method, body) => {
    const { door, key } = await tenant();
    const other = await door.client();
    const { id } = (await bring(door, key)).body;
    const before = await door.row(id, "apps");
    for (const path of [`/v1/apps/${id}`, "/v1/apps/app_01KAB3C4D5V1StGXR8Z5jd0", "/v1/apps/app_default"])
      expect((await door.call(method, path, { key: other.key, body })).status).toBe(404);
    expect(await door.row(id, "apps")).toEqual(before);
    expect((await door.call("GET", `/v1/apps/${id}`, { key })).body).toEqual({ id, ...SHOWN });
  });

  test.each([...ways, ["POST", { x_client_id: "x" }] as const])(
    "is out of reach by %s for a key of some accounts, and for one without the scope",
    async (method, body) => {
      const { door, id: clientId, key } = await tenant();
      const path = method === "POST" ? "/v1/apps" : `/v1/apps/${(await bring(door, key)).body.id}`;
      const account_ids = [await door.account(clientId)];
      for (const narrow of [
        await door.key(clientId, { account_ids }),
        await door.key(clientId, { scopes: ["jobs:read", "jobs:write"] }),
      ])
        expect(await door.call(method, path, { key: narrow, body })).toMatchObject({
          status: 403,
          body: { code: "insufficient_scope" },
        });
    },
  );
});
