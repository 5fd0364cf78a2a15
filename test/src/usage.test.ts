import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { openDoor, type Door } from "../support/door.ts";
import { put } from "../support/rows.ts";

const DAY = 86_400_000;
const TODAY = Date.UTC(2026, 10, 23);

let door: Door;
let tenant: Awaited<ReturnType<Door["tenant"]>>;
let other: string;

beforeEach(async () => {
  door = await openDoor();
  tenant = await door.tenant();
  // Its id comes after the first one's.
  door.advance(1);
  other = await door.account(tenant.id, { shard: "1" });
  for (const back of [0, 1, 40]) {
    await day(env.DB, tenant.account_id, TODAY - back * DAY);
    await day(env.DB_1, other, TODAY - back * DAY);
  }
});

const day = (db: D1Database, account_id: string, at: number) =>
  put(db, "usage", { client_id: tenant.id, day: at, account_id, succeeded: 2, reads: 3, cost: 33_000 });
const list = async (query = "", key = tenant.key) => {
  const { body } = await door.call("GET", `/v1/usage${query}`, { key });
  return {
    data: body.data,
    has_more: body.has_more,
    next_cursor: body.next_cursor,
    shown: body.data.map((row) => `${String(row.day)} ${row.account_id === other ? "other" : "first"}`),
  };
};

describe("usage", () => {
  test("is shown by day and account, over all databases, for the last 30 days", async () => {
    const { shown, data, has_more } = await list();
    expect(shown).toEqual(["2026-11-22 first", "2026-11-22 other", "2026-11-23 first", "2026-11-23 other"]);
    expect(data[0]).toEqual({
      day: "2026-11-22",
      account_id: tenant.account_id,
      succeeded: 2,
      failed: 0,
      dead: 0,
      reads: 3,
      cost_micro_usd: 33_000,
    });
    expect(has_more).toBe(false);
  });

  test("is shown for the asked days and account", async () => {
    expect((await list(`?from=2026-10-01&to=2026-10-31&account_id=${other}`)).shown).toEqual([
      "2026-10-14 other",
    ]);
  });

  test("is paged", async () => {
    const first = await list("?limit=3");
    expect(first.shown).toHaveLength(3);
    expect((await list(`?limit=3&cursor=${String(first.next_cursor)}`)).shown).toEqual(["2026-11-23 other"]);
  });

  test("of accounts that a key does not reach is not shown", async () => {
    const key = await door.key(tenant.id, { account_ids: [other] });
    expect((await list("", key)).shown).toEqual(["2026-11-22 other", "2026-11-23 other"]);
    const asked = await door.call("GET", `/v1/usage?account_id=${tenant.account_id}`, { key });
    expect(asked).toMatchObject({ status: 403, body: { code: "insufficient_scope" } });
  });

  test("of another client is not shown", async () => {
    const stranger = await door.client();
    expect((await list("", stranger.key)).shown).toEqual([]);
  });
});
