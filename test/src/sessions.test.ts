import { describe, expect, test } from "vitest";
import * as apiKeys from "#core/store/api-keys";
import { ADMIN_KEY, mistakes, openDoor, TEST_SESSION_RING, type Door } from "../support/door.ts";

const idOf = (key: string): string => `key_${key.slice(4, 27)}`;
const make = (door: Door, key: string, body: unknown) => door.call("POST", "/v1/sessions", { key, body });

/** A session's token, which must never be heard again. */
async function session(door: Door, key: string, body: object = { scopes: ["jobs:read", "jobs:write"] }) {
  const answer = await make(door, key, body);
  expect(answer.status).toBe(201);
  const token = answer.body.token as string;
  door.keep(token, token.split(".")[2]);
  return token;
}

const jobs = async (door: Door, key: string) => (await door.call("GET", "/v1/jobs", { key })).status;

describe("a session", () => {
  test("is a token of a quarter of an hour that does what its scopes say", async () => {
    const door = await openDoor();
    const { key, account_id } = await door.tenant();
    const answer = await make(door, key, { scopes: ["jobs:read", "jobs:read"] });
    expect(answer).toMatchObject({
      status: 201,
      body: { scopes: ["jobs:read"], account_ids: null, expires_at: "2026-11-23T12:15:00.000Z" },
    });
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.body.id).toMatch(/^ses_/);
    const token = answer.body.token as string;
    door.keep(token);
    expect(await jobs(door, token)).toBe(200);
    const tweet = { account_id, text: "hello" };
    expect(await door.call("POST", "/v1/tweets", { key: token, body: tweet })).toMatchObject({
      status: 403,
      body: { code: "insufficient_scope" },
    });
    door.advance(15 * 60_000 - 1);
    expect(await jobs(door, token)).toBe(200);
    door.advance(1);
    expect(await jobs(door, token)).toBe(401);
  });

  test("lasts as long as was asked, from a minute to an hour", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const asked = { scopes: ["jobs:read"], expires_in_s: 60 };
    const short = await session(door, key, asked);
    const long = await session(door, key, { ...asked, expires_in_s: 3600 });
    door.advance(60_000);
    expect([await jobs(door, short), await jobs(door, long)]).toEqual([401, 200]);
    door.advance(3_540_000);
    expect(await jobs(door, long)).toBe(401);
  });

  test("reaches the accounts it was made for and no other of its client", async () => {
    const door = await openDoor();
    const { id, key, account_id } = await door.tenant();
    const other = await door.account(id, { shard: "1" });
    const token = await session(door, key, {
      scopes: ["accounts:read", "jobs:write"],
      account_ids: [account_id],
    });
    expect((await door.call("GET", `/v1/accounts/${account_id}`, { key: token })).status).toBe(200);
    expect((await door.call("GET", `/v1/accounts/${other}`, { key: token })).status).toBe(404);
    const tweet = { account_id: other, text: "hello" };
    expect((await door.call("POST", "/v1/tweets", { key: token, body: tweet })).status).toBe(403);
  });

  test("for no account in particular reaches those of its key", async () => {
    const door = await openDoor();
    const { id, account_id } = await door.tenant();
    const other = await door.account(id);
    const key = await door.key(id, { account_ids: [account_id] });
    const asked = { scopes: ["accounts:read"] };
    expect((await make(door, key, asked)).body.account_ids).toEqual([account_id]);
    const token = await session(door, key, asked);
    const { body } = await door.call("GET", "/v1/accounts", { key: token });
    expect(body.data.map((account) => account.id)).toEqual([account_id]);
    expect((await door.call("GET", `/v1/accounts/${other}`, { key: token })).status).toBe(404);
  });

  test("works for a client on another database", async () => {
    const door = await openDoor();
    const { key } = await door.client({ shard: "1" });
    expect(await jobs(door, await session(door, key))).toBe(200);
  });

  test("makes its jobs as its client, whose key finds them", async () => {
    const door = await openDoor();
    const { key, account_id } = await door.tenant();
    const token = await session(door, key);
    const body = { account_id, text: "from a browser" };
    const posted = await door.call("POST", "/v1/tweets", { key: token, body });
    expect(posted.status).toBe(202);
    expect((await door.call("GET", `/v1/jobs/${posted.body.id}`, { key })).status).toBe(200);
  });
});

describe("a session ends with its key", () => {
  test("within five seconds of its being revoked", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const token = await session(door, key);
    expect(await jobs(door, token)).toBe(200);
    await door.call("DELETE", `/v1/keys/${idOf(key)}`, { key: ADMIN_KEY });
    door.advance(5_000);
    expect(await jobs(door, token)).toBe(401);
  });

  test("at the very moment the key expires, which its own end tells", async () => {
    const door = await openDoor();
    const { id } = await door.client();
    const key = await door.key(id, { expires_at: door.now() + 90_500 });
    const { body } = await make(door, key, { scopes: ["jobs:read"] });
    expect(body.expires_at).toBe("2026-11-23T12:01:30.500Z");
    const token = body.token as string;
    door.keep(token);
    door.advance(90_499);
    expect(await jobs(door, token)).toBe(200);
    door.advance(1);
    expect(await jobs(door, token)).toBe(401);
  });

  test("and is not made by a key that was revoked a moment ago", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    expect(await jobs(door, key)).toBe(200);
    await apiKeys.revoke(door.env.DB, door.now(), idOf(key)).run();
    const refused = await make(door, key, { scopes: ["jobs:read"] });
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toBe("Bearer");
  });

  test("and never does more than the key still may", async () => {
    const door = await openDoor();
    const { id, account_id } = await door.tenant();
    const other = await door.account(id);
    const key = await door.key(id, { scopes: ["jobs:read", "accounts:read"] });
    const token = await session(door, key, {
      scopes: ["jobs:read", "accounts:read"],
      account_ids: [account_id, other],
    });
    await door.env.DB.prepare("UPDATE api_keys SET scopes = ?, account_ids = ? WHERE id = ?")
      .bind('["accounts:read"]', JSON.stringify([other]), idOf(key))
      .run();
    door.advance(5_000);
    expect(await jobs(door, token)).toBe(403);
    const { body } = await door.call("GET", "/v1/accounts", { key: token });
    expect(body.data.map((account) => account.id)).toEqual([other]);
  });
});

describe("a session is only ever narrower than its key", () => {
  test("each scope and each account that goes beyond it is pointed at, all at once", async () => {
    const door = await openDoor();
    const { id, account_id } = await door.tenant();
    const other = await door.account(id);
    const theirs = await door.tenant();
    const key = await door.key(id, {
      scopes: ["jobs:read", "admin"],
      account_ids: [account_id, theirs.account_id],
    });
    const { status, body } = await make(door, key, {
      scopes: ["jobs:read", "jobs:write", "admin"],
      account_ids: [account_id, other, theirs.account_id, "acc_01KAB3C4D5V1StGXR8Z5jdz"],
    });
    expect(status).toBe(422);
    expect(mistakes(body)).toEqual([
      "/account_ids/1 not_granted",
      "/account_ids/2 not_found",
      "/account_ids/3 not_granted",
      "/scopes/1 not_granted",
      "/scopes/2 not_allowed",
    ]);
  });

  test.each<[Record<string, unknown>, string]>([
    [{ scopes: [] }, "/scopes too_small"],
    [{ scopes: ["everything"], expires_in_s: 59 }, "/expires_in_s too_small,/scopes/0 invalid_value"],
    [{ scopes: undefined }, "/scopes required"],
    [{ expires_in_s: 3601 }, "/expires_in_s too_big"],
    [{ expires_in_s: 60.5 }, "/expires_in_s invalid_type"],
    [{ account_ids: ["job_1"] }, "/account_ids/0 invalid"],
    [
      { account_ids: Array.from({ length: 101 }, () => "acc_01KAB3C4D5V1StGXR8Z5jd0") },
      "/account_ids too_big",
    ],
    [{ client_id: "cli_1" }, "/client_id unknown_field"],
  ])("%j is refused: %s", async (wrong, mistake) => {
    const door = await openDoor();
    const { key } = await door.client();
    const { status, body } = await make(door, key, { scopes: ["jobs:read"], ...wrong });
    expect(status).toBe(422);
    expect(mistakes(body).join()).toBe(mistake);
  });

  test("a session makes no sessions, and the admin key has no client to make one for", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const token = await session(door, key);
    for (const caller of [token, ADMIN_KEY])
      expect(await make(door, caller, { scopes: ["jobs:read"] })).toMatchObject({
        status: 403,
        body: { code: "insufficient_scope" },
      });
  });

  test("nobody without a key makes one", async () => {
    const door = await openDoor();
    expect((await door.call("POST", "/v1/sessions", { body: { scopes: ["jobs:read"] } })).status).toBe(401);
  });

  test("a session of an admin's key is no admin", async () => {
    const door = await openDoor();
    const { id } = await door.client();
    const token = await session(door, await door.key(id, { scopes: ["jobs:read", "admin"] }), {
      scopes: ["jobs:read"],
    });
    for (const path of [`/v1/keys?client_id=${id}`, "/v1/audit", "/v1/clients"])
      expect((await door.call("GET", path, { key: token })).status).toBe(403);
  });
});

describe("without session keys", () => {
  test.each([
    ["none", undefined, "SESSION_KEYS is missing"],
    ["an empty text", "", "SESSION_KEYS is missing"],
    ["half a key", "s1:AAAA", "SESSION_KEYS must be"],
  ])("%s: nobody is given a session, and those who have one are nobody", async (_, ring, sentence) => {
    const door = await openDoor();
    const { key } = await door.client();
    const token = await session(door, key);
    if (ring === undefined) delete door.env.SESSION_KEYS;
    else door.env.SESSION_KEYS = ring;
    const refused = await make(door, key, { scopes: ["jobs:read"] });
    expect(refused).toMatchObject({ status: 503, body: { code: "unavailable" } });
    expect(refused.body.detail).toContain(sentence);
    expect(await jobs(door, token)).toBe(401);
    expect(door.logged("session.unreadable")).toHaveLength(1);
    expect(await jobs(door, key)).toBe(200);
  });

  test("a ring that was turned reads the sessions of its older keys, and no longer those of a key that is gone", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const token = await session(door, key);
    const fresh = `s2:${"C".repeat(43)}`;
    door.env.SESSION_KEYS = `${fresh},${TEST_SESSION_RING}`;
    expect(await jobs(door, token)).toBe(200);
    const newer = await session(door, key);
    door.env.SESSION_KEYS = fresh;
    expect([await jobs(door, token), await jobs(door, newer)]).toEqual([401, 200]);
  });
});

test("a session that names another client than its key's is refused", async () => {
  const door = await openDoor();
  const { id, key } = await door.client();
  const other = await door.client();
  const token = await session(door, key);
  await door.env.DB.prepare("UPDATE api_keys SET client_id = ? WHERE client_id = ?").bind(other.id, id).run();
  door.advance(5_000);
  expect(await jobs(door, token)).toBe(401);
});
