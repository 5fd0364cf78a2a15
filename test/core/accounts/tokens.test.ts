import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { accessKey, accessPlace, createTokens, pairPlace } from "#core/accounts/tokens";
import { base64url } from "#core/lib/bytes";
import { newId } from "#core/lib/ids";
import { openRing, type Ring } from "#core/lib/seal";
import * as accounts from "#core/store/accounts";
import { batchedBy, strict } from "../../support/database.ts";
import { TEST_RING } from "../../support/harness.ts";
import { empty, NOW } from "../../support/rows.ts";

let id = "";
let ring: Ring;

beforeEach(async () => {
  await empty(env.DB);
  id = newId("acc", "0", NOW);
  ring = await openRing(TEST_RING, "TOKEN_KEYS");
});

/** An account whose pair of that version stands in D1. */
async function stored(version: number, token: string | null = "from-d1"): Promise<void> {
  const pair = JSON.stringify({ access_token: token, refresh_token: "refresh" });
  const account = {
    id,
    client_id: "cli_1",
    app_id: "app_1",
    x_user_id: id,
    username: "u",
    name: "U",
    scopes: "[]",
    token: token === null ? null : await ring.seal(pair, pairPlace(id, version)),
    token_version: version,
    token_expires_at: NOW,
    refresh_at: null,
    metadata: null,
  };
  await accounts.connect(env.DB, account, NOW).run();
}

const cache = async (version: number, token: string) => {
  await env.TOKENS.put(accessKey(id, version), await ring.seal(token, accessPlace(id, version)));
};

/** Tokens, and what they asked of KV and D1. */
function watched(of: { ring?: Ring; memory?: Map<string, string> } = {}) {
  const asked: string[] = [];
  const kv = {
    get: (key: string) => {
      asked.push(`kv ${key}`);
      return env.TOKENS.get(key);
    },
  } as unknown as KVNamespace;
  const db = batchedBy(strict(env.DB), (statements) => env.DB.batch(statements));
  const prepare = db.prepare.bind(db);
  db.prepare = (sql: string) => {
    asked.push("d1");
    return prepare(sql);
  };
  const memory = of.memory ?? new Map<string, string>();
  return {
    asked,
    memory,
    tokens: createTokens({ databases: { DB: db }, kv, ring: of.ring ?? ring, memory }),
  };
}

describe("an access token", () => {
  test("comes from the sealed pair that is handed over, and neither KV nor D1 is asked", async () => {
    const { tokens, asked } = watched();
    const pair = JSON.stringify({ access_token: "at-hand", refresh_token: "refresh" });
    const sealed = await ring.seal(pair, pairPlace(id, 3));
    expect(await tokens.access(id, 3, sealed)).toBe("at-hand");
    expect(await tokens.access(id, 3)).toBe("at-hand");
    expect(asked).toEqual([]);
  });

  test("does not come from a pair that was sealed for another version", async () => {
    const { tokens } = watched();
    const pair = JSON.stringify({ access_token: "stale", refresh_token: "refresh" });
    await expect(tokens.access(id, 4, await ring.seal(pair, pairPlace(id, 3)))).rejects.toThrow();
  });

  test("comes from KV when it is there, and D1 is not asked", async () => {
    await stored(3);
    await cache(3, "from-kv");
    const { tokens, asked } = watched();
    expect(await tokens.access(id, 3)).toBe("from-kv");
    expect(asked).toEqual([`kv ${accessKey(id, 3)}`]);
  });

  test("comes from D1 when KV has it not", async () => {
    await stored(3);
    const { tokens, asked } = watched();
    expect(await tokens.access(id, 3)).toBe("from-d1");
    expect(asked).toEqual([`kv ${accessKey(id, 3)}`, "d1"]);
  });

  test("is remembered, and then nobody is asked", async () => {
    await stored(3);
    const { tokens, asked } = watched();
    await tokens.access(id, 3);
    asked.length = 0;
    expect(await tokens.access(id, 3)).toBe("from-d1");
    expect(asked).toEqual([]);
  });

  test("of another version is another token: neither memory nor KV is asked for any version but the named", async () => {
    await stored(4);
    await cache(3, "old");
    await cache(5, "never named");
    const { tokens, asked } = watched({ memory: new Map([[accessKey(id, 3), "old"]]) });
    expect(await tokens.access(id, 4)).toBe("from-d1");
    expect(asked).toEqual([`kv ${accessKey(id, 4)}`, "d1"]);
  });
});

describe("there is none", () => {
  test("for an account without a version: nobody is asked", async () => {
    const { tokens, asked } = watched();
    expect(await tokens.access(id, null)).toBeNull();
    expect(asked).toEqual([]);
  });

  test("for an account that is gone or disconnected, and that is not remembered", async () => {
    const { tokens, memory } = watched();
    expect(await tokens.access(id, 1)).toBeNull();
    await stored(1, null);
    expect(await tokens.access(id, 1)).toBeNull();
    expect(memory.size).toBe(0);
  });

  test("for an account on a database that is not bound", async () => {
    const { tokens } = watched();
    expect(await tokens.access(`${id.slice(0, -1)}9`, 1)).toBeNull();
  });
});

test("with the wrong ring it is an error that names the variable and the missing key", async () => {
  await stored(1);
  const other = await openRing(`other:${base64url(new Uint8Array(32).fill(7))}`, "TOKEN_KEYS");
  await expect(watched({ ring: other }).tokens.access(id, 1)).rejects.toThrow(
    'TOKEN_KEYS lacks the key "test" that sealed this',
  );
});

test("a token that was put where another account's belongs is not used: D1 is asked", async () => {
  await stored(1);
  await env.TOKENS.put(accessKey(id, 1), await ring.seal("foreign", accessPlace("acc_other", 1)));
  expect(await watched().tokens.access(id, 1)).toBe("from-d1");
});

test("one whose key has left the ring is read from D1, where the pair was sealed anew", async () => {
  const old = await openRing(`old:${base64url(new Uint8Array(32).fill(7))}`, "TOKEN_KEYS");
  await stored(1);
  await env.TOKENS.put(accessKey(id, 1), await old.seal("from-kv", accessPlace(id, 1)));
  const { tokens, asked } = watched();
  expect(await tokens.access(id, 1)).toBe("from-d1");
  expect(asked).toEqual([`kv ${accessKey(id, 1)}`, "d1"]);
});

test("no more than a thousand are remembered, the one remembered longest goes first", async () => {
  const memory = new Map(Array.from({ length: 1000 }, (_, i) => [`token:acc:${i}`, "t"]));
  await stored(1);
  await watched({ memory }).tokens.access(id, 1);
  expect(memory.size).toBe(1000);
  expect(memory.has("token:acc:0")).toBe(false);
  expect(memory.has("token:acc:1")).toBe(true);
});
