import { describe, expect, test } from "vitest";
import { ADMIN_KEY, mistakes, openDoor, type Door } from "../support/door.ts";

const make = (door: Door, path: string, body: unknown) => door.call("POST", path, { key: ADMIN_KEY, body });
const read = (door: Door, path: string, key = ADMIN_KEY) => door.call("GET", path, { key });
const change = (door: Door, id: string, body: unknown, key = ADMIN_KEY) =>
  door.call("PATCH", `/v1/clients/${id}`, { key, body });

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
    [{ name: "n", daily_cap_micro_usd: -1 }, "/daily_cap_micro_usd too_small"],
    [{ name: "n", daily_cap_micro_usd: 0.5 }, "/daily_cap_micro_usd invalid_type"],
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

test("a client's daily cap is set, changed, taken away and left alone, on every database", async () => {
  const door = await openDoor();
  const { body } = await make(door, "/v1/clients", { name: "n", daily_cap_micro_usd: 5000 });
  expect(body.daily_cap_micro_usd).toBe(5000);
  const rows = async () =>
    Promise.all(
      [door.env.DB, door.env.DB_1].map(async (db) => {
        const named = db?.prepare('SELECT "limit", lent FROM allowances WHERE name = ?');
        return named?.bind(`spend:${body.id}`).first<{ limit: number; lent: number }>();
      }),
    );
  const [own, other] = body.id.endsWith("0") ? [0, 1] : [1, 0];
  expect((await rows())[own]).toEqual({ limit: 5000, lent: 0 });
  expect((await rows())[other]).toEqual({ limit: 0, lent: 1 });
  expect((await change(door, body.id, { daily_cap_micro_usd: 0 })).body.daily_cap_micro_usd).toBe(0);
  expect((await rows())[own]).toEqual({ limit: 0, lent: 0 });
  expect((await change(door, body.id, { name: "m" })).body.daily_cap_micro_usd).toBe(0);
  expect((await change(door, body.id, { daily_cap_micro_usd: null })).body.daily_cap_micro_usd).toBeNull();
  expect(await rows()).toEqual([null, null]);
});

test("a client is not made by a client's key, whatever its scopes", async () => {
  const door = await openDoor();
  const { id } = await door.client();
  const key = await door.key(id, { scopes: ["admin"] });
  const answer = await door.call("POST", "/v1/clients", { key, body: { name: "n" } });
  expect(answer).toMatchObject({ status: 403, body: { code: "insufficient_scope" } });
});

describe("GET /v1/clients", () => {
  test("lists the clients of all databases in the order of their making, page by page", async () => {
    const door = await openDoor();
    const made: string[] = [];
    for (const shard of ["1", "0", "0", "1", "1"] as const) {
      door.advance(1);
      made.push((await door.client({ shard })).id);
    }
    const listed: string[] = [];
    for (let cursor = ""; ;) {
      const { status, body } = await read(door, `/v1/clients?limit=2${cursor}`);
      expect(status).toBe(200);
      listed.push(...body.data.map(({ id }) => id));
      expect(body.has_more).toBe(body.next_cursor !== null);
      if (body.next_cursor === null) break;
      cursor = `&cursor=${body.next_cursor as string}`;
    }
    expect(listed).toEqual(made);
  });

  test.each(["limit=0", "limit=101", "cursor=cli_1", "cursor=acc_01KAB3C4D5V1StGXR8Z5jd0", "name=n"])(
    "refuses ?%s",
    async (query) => {
      const door = await openDoor();
      expect((await read(door, `/v1/clients?${query}`)).status).toBe(400);
    },
  );
});

describe("one client", () => {
  test("is read as it was made", async () => {
    const door = await openDoor();
    const { headers, body } = await make(door, "/v1/clients", {
      name: "n",
      return_urls: ["https://a.test/"],
    });
    expect(headers.get("location")).toBe(`/v1/clients/${body.id}`);
    const { webhook_secret, ...shown } = body;
    expect(webhook_secret).toMatch(/^whsec_/);
    expect((await read(door, `/v1/clients/${body.id}`)).body).toEqual(shown);
  });

  test("is changed where the body says so, and the change is noted once", async () => {
    const door = await openDoor();
    const given = { name: "old", return_urls: ["https://a.test/"] };
    const { webhook_secret: _, ...made } = (await make(door, "/v1/clients", given)).body;
    const renamed = await change(door, made.id, { name: "new" });
    expect(renamed).toMatchObject({ status: 200, body: { ...made, name: "new" } });
    const return_urls = ["https://b.test/?x=1", "http://localhost:1/"];
    expect((await change(door, made.id, { return_urls })).body).toEqual({
      ...made,
      name: "new",
      return_urls,
    });
    expect((await change(door, made.id, { return_urls })).status).toBe(200);
    expect((await change(door, made.id, {})).body).toEqual({ ...made, name: "new", return_urls });
    const { body } = await read(door, `/v1/audit?client_id=${made.id}`);
    expect(body.data.map(({ action, detail, actor }) => ({ action, detail, actor }))).toEqual(
      expect.arrayContaining([
        {
          action: "client.created",
          actor: "admin",
          detail: { name: "old", return_urls: ["https://a.test/"] },
        },
        { action: "client.changed", actor: "admin", detail: { name: "new" } },
        { action: "client.changed", actor: "admin", detail: { return_urls } },
      ]),
    );
    expect(body.data).toHaveLength(3);
  });

  test("connects accounts to its new return URLs, and to the old ones no more", async () => {
    const door = await openDoor();
    const { id, key } = await door.client({ return_urls: ["https://old.test/"] });
    await change(door, id, { return_urls: ["https://new.test/"] });
    const connect = async (return_url: string) =>
      (await door.call("POST", "/v1/accounts/connect", { key, body: { return_url } })).status;
    expect(await connect("https://new.test/")).toBe(200);
    expect(await connect("https://old.test/")).toBe(422);
  });

  test.each<[unknown, string]>([
    [{ name: "", return_urls: ["/back"] }, "/name too_small,/return_urls/0 invalid_format"],
    [{ name: null }, "/name invalid_type"],
    [{ id: "cli_1" }, "/id unknown_field"],
    [{ return_urls: ["https://a.test/#b"] }, "/return_urls/0 invalid"],
  ])("is not changed by %j: %s", async (body, mistake) => {
    const door = await openDoor();
    const { id } = await door.client();
    const answer = await change(door, id, body);
    expect(answer.status).toBe(422);
    expect(mistakes(answer.body).join()).toBe(mistake);
  });

  test.each([
    "cli_01KAB3C4D5V1StGXR8Z5jd0",
    "cli_01KAB3C4D5V1StGXR8Z5jdz",
    "cli_1",
    "acc_01KAB3C4D5V1StGXR8Z5jd0",
  ])("that is not there is not found: %s", async (id) => {
    const door = await openDoor();
    expect((await read(door, `/v1/clients/${id}`)).status).toBe(404);
    expect((await change(door, id, { name: "n" })).status).toBe(404);
  });
});

describe("a client's own key with the scope admin", () => {
  test("reads and changes its client", async () => {
    const door = await openDoor();
    const { id } = await door.client({ shard: "1" });
    await door.client();
    const key = await door.key(id, { scopes: ["admin"] });
    expect((await read(door, "/v1/clients", key)).body.data.map((one) => one.id)).toEqual([id]);
    expect((await read(door, `/v1/clients/${id}`, key)).body.id).toBe(id);
    expect((await change(door, id, { name: "mine" }, key)).body.name).toBe("mine");
    const { body } = await read(door, "/v1/audit", key);
    expect(body.data).toMatchObject([{ action: "client.changed", actor: `key_${key.slice(4, 27)}` }]);
  });

  test("finds no other client", async () => {
    const door = await openDoor();
    const { id } = await door.client();
    const other = await door.client();
    const key = await door.key(id, { scopes: ["admin"] });
    expect((await read(door, `/v1/clients/${other.id}`, key)).status).toBe(404);
    expect((await change(door, other.id, { name: "mine" }, key)).status).toBe(404);
    expect((await read(door, `/v1/clients/${other.id}`)).body.name).not.toBe("mine");
  });
});
