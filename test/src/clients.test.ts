import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { sha256 } from "#core/lib/bytes";
import { ADMIN_KEY, mistakes, openDoor, type Door } from "../support/door.ts";

const make = (door: Door, path: string, body: unknown) => door.call("POST", path, { key: ADMIN_KEY, body });

describe("POST /v1/clients", () => {
  test("makes a client", async () => {
    const door = await openDoor();
    const return_urls = ["https://client.test/back?a=1", "http://localhost:8787/"];
    const { status, body } = await make(door, "/v1/clients", { name: "Acme \u0000 \u202e 🎉", return_urls });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      name: "Acme \u0000 \u202e 🎉",
      return_urls,
      created_at: "2026-11-23T12:00:00.000Z",
    });
    expect(body.id).toMatch(/^cli_/);
    expect((await make(door, "/v1/clients", { name: "n" })).body.return_urls).toEqual([]);
  });

  test("spreads clients over the databases, and each can be used", async () => {
    const door = await openDoor();
    const used = new Set<string>();
    for (let i = 0; i < 20; i++) {
      door.advance(1);
      const { body } = await make(door, "/v1/clients", { name: `client ${i}` });
      used.add(body.id.slice(-1));
      const made = await make(door, "/v1/keys", { client_id: body.id, scopes: ["jobs:read"] });
      const key = made.body.key as string;
      door.keep(key);
      expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(200);
    }
    expect([...used].sort()).toEqual(["0", "1"]);
  });

  test.each<[unknown, string]>([
    [{}, "/name required"],
    [{ name: "" }, "/name too_small"],
    [{ name: "x".repeat(201) }, "/name too_big"],
    [{ name: 7, return_urls: "https://a.test/" }, "/name invalid_type,/return_urls invalid_type"],
    [{ name: "n", id: "cli_1" }, "/id unknown_field"],
    [{ name: "n", return_urls: Array.from({ length: 21 }, () => "https://a.test/") }, "/return_urls too_big"],
    [{ name: "n", daily_cap_micro_usd: 1 }, "/daily_cap_micro_usd unknown_field"],
  ])("refuses %j: %s", async (body, mistake) => {
    const door = await openDoor();
    const answer = await make(door, "/v1/clients", body);
    expect(answer.status).toBe(422);
    expect(mistakes(answer.body).join()).toBe(mistake);
  });

  test.each([
    "",
    "not a url",
    "client.test/back",
    "//client.test/back",
    "/back",
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://client.test/",
    "https://",
    "https://client.test/#fragment",
    `https://client.test/${"x".repeat(2000)}`,
  ])("refuses %s as a return URL, and says which", async (url) => {
    const door = await openDoor();
    const { status, body } = await make(door, "/v1/clients", {
      name: "n",
      return_urls: ["https://a.test/", url],
    });
    expect(status).toBe(422);
    for (const { pointer } of body.errors) expect(pointer).toBe("/return_urls/1");
  });
});

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
});
