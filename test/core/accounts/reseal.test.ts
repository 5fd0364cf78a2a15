import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { appPlace } from "#core/accounts/apps";
import { placeOf, reseal, type Resealed } from "#core/accounts/reseal";
import { pairPlace } from "#core/accounts/tokens";
import { base64url } from "#core/lib/bytes";
import { openRing, type Ring } from "#core/lib/seal";
import * as accounts from "#core/store/accounts";
import { sealedBy } from "#core/store/sealed";
import type { Databases } from "#core/store/shard";
import { all } from "#core/store/sql";
import { batchedBy, strict, unreachable } from "../../support/database.ts";
import { accountRow, empty, NOW, put } from "../../support/rows.ts";

const keyOf = (byte: number) => base64url(new Uint8Array(32).fill(byte));
const ringOf = (...entries: string[]) => openRing(entries.join(), "TOKEN_KEYS");
const OLD = `old:${keyOf(1)}`;
const NEW = `new:${keyOf(2)}`;
const old = await ringOf(OLD);
const both = await ringOf(NEW, OLD);
const fresh = await ringOf(NEW);
const databases: Databases = { DB: strict(env.DB), DB_1: strict(env.DB_1) };

beforeEach(() => Promise.all([empty(env.DB), empty(env.DB_1)]));

const dbOf = (id: string) => (id.endsWith("1") ? env.DB_1 : env.DB);

async function putAccount(id: string, ring: Ring, version = 1): Promise<void> {
  const token = await ring.seal(`pair of ${id}`, pairPlace(id, version));
  await put(dbOf(id), "accounts", accountRow({ id, token, token_version: version }));
}

async function putApp(id: string, ring: Ring | null): Promise<void> {
  const secret = ring && (await ring.seal(`secret of ${id}`, appPlace(id)));
  const app = { id, client_id: "cli_1", name: "", x_client_id: "x", secret, created_at: NOW };
  await put(dbOf(id), "apps", app);
}

/** Every step from a cursor to the end. */
async function steps(ring = both, limit = 2, of = databases): Promise<Resealed[]> {
  const done: Resealed[] = [];
  for (let cursor: string | null = null; done.length < 50;) {
    const step: Resealed | null = await reseal({ databases: of, sealing: "tokens", ring }, cursor, limit);
    if (!step) throw new Error(`no place ${cursor ?? ""}`);
    done.push(step);
    cursor = step.next_cursor;
    if (cursor === null) return done;
  }
  throw new Error("it does not end");
}

const sum = (done: Resealed[], field: "examined" | "resealed" | "moved") =>
  done.reduce((total, step) => total + step[field], 0);
const unreadable = (done: Resealed[]) => done.flatMap((step) => step.unreadable);

/** What a ring reads of everything that is sealed; null where it does not open. */
async function read(ring: Ring): Promise<Record<string, string | null>> {
  const found: Record<string, string | null> = {};
  for (const db of [env.DB, env.DB_1]) {
    for (const row of await all<{ id: string; version: number; sealed: string }>(
      db.prepare(
        "SELECT id, token_version AS version, token AS sealed FROM accounts WHERE token IS NOT NULL",
      ),
    ))
      found[row.id] = await ring.open(row.sealed, placeOf("accounts", row)).catch(() => null);
    for (const row of await all<{ id: string; sealed: string }>(
      db.prepare("SELECT id, secret AS sealed FROM apps WHERE secret IS NOT NULL"),
    ))
      found[row.id] = await ring.open(row.sealed, placeOf("apps", { ...row, version: 0 })).catch(() => null);
  }
  return found;
}

/** Five accounts and two apps, on two databases. */
async function seven(): Promise<Record<string, string>> {
  const ids = ["acc_a0", "acc_b0", "acc_c0", "acc_d1", "acc_e1"];
  for (const id of ids) await putAccount(id, old, 3);
  for (const id of ["app_a0", "app_b1"]) await putApp(id, old);
  return Object.fromEntries([
    ...ids.map((id) => [id, `pair of ${id}`] as const),
    ["app_a0", "secret of app_a0"] as const,
    ["app_b1", "secret of app_b1"] as const,
  ]);
}

describe("all steps together", () => {
  test("seal everything on every database with the newest key, and then the old one is not needed", async () => {
    const everything = await seven();
    await putApp("app_public0", null);
    await put(env.DB, "accounts", accountRow({ id: "acc_gone0", token: null, state: "disconnected" }));
    const done = await steps();
    expect([sum(done, "examined"), sum(done, "resealed"), sum(done, "moved")]).toEqual([7, 7, 0]);
    expect(new Set(done.map(({ key }) => key))).toEqual(new Set(["new"]));
    expect(unreadable(done)).toEqual([]);
    expect(await read(fresh)).toEqual(everything);
  });

  test("find nothing left the second time", async () => {
    await seven();
    await steps();
    const again = await steps();
    expect([sum(again, "examined"), sum(again, "resealed")]).toEqual([7, 0]);
  });

  test.each([1, 2, 3, 7, 100])("leave nothing out, %i rows a step", async (limit) => {
    const everything = await seven();
    const done = await steps(both, limit);
    for (const { examined } of done) expect(examined).toBeLessThanOrEqual(limit);
    expect(await read(fresh)).toEqual(everything);
  });

  test("over nothing at all end at once", async () => {
    const done = await steps();
    expect(done).toHaveLength(2 * sealedBy("tokens").length);
    expect(sum(done, "examined")).toBe(0);
  });
});

describe("broken off", () => {
  test.each([1, 2, 3, 4, 5])("after %i steps and begun anew, it finishes", async (count) => {
    const everything = await seven();
    const before: Resealed[] = [];
    for (let cursor: string | null = null; before.length < count;) {
      const step: Resealed | null = await reseal({ databases, sealing: "tokens", ring: both }, cursor, 1);
      if (step) before.push(step);
      cursor = step?.next_cursor ?? null;
    }
    expect(sum(before, "resealed")).toBeGreaterThan(0);
    expect(sum(await steps(), "resealed")).toBe(7 - sum(before, "resealed"));
    expect(await read(fresh)).toEqual(everything);
  });

  test("in the middle of a step, that step is done again and changes nothing twice", async () => {
    const everything = await seven();
    // The batch is carried out and its answer lost.
    const losing = batchedBy(databases.DB, async (statements) => {
      await env.DB.batch(statements);
      throw new Error("D1_ERROR: Network connection lost.");
    });
    await expect(
      reseal({ databases: { ...databases, DB: losing }, sealing: "tokens", ring: both }, null, 2),
    ).rejects.toThrow();
    const again = await reseal({ databases, sealing: "tokens", ring: both }, null, 2);
    expect(again).toMatchObject({ examined: 2, resealed: 0, moved: 0, unreadable: [] });
    await steps();
    expect(await read(fresh)).toEqual(everything);
  });

  test("by a database that does not answer, it has changed nothing there", async () => {
    const everything = await seven();
    const down = { ...databases, DB: unreachable(databases.DB) };
    await expect(reseal({ databases: down, sealing: "tokens", ring: both }, null, 2)).rejects.toThrow(
      "connection lost",
    );
    expect(await read(old)).toEqual(everything);
  });
});

test("a pair that moves while a step looks is left as it came", async () => {
  await putAccount("acc_a0", old, 3);
  await putAccount("acc_b0", old, 3);
  const moved = await old.seal("refreshed", pairPlace("acc_a0", 4));
  const racing = batchedBy(databases.DB, async (statements) => {
    const pair = { id: "acc_a0", token_version: 3, token: moved, token_expires_at: NOW, refresh_at: null };
    await accounts.moveToken(env.DB, pair, NOW).run();
    return env.DB.batch(statements);
  });
  const step = await reseal(
    { databases: { ...databases, DB: racing }, sealing: "tokens", ring: both },
    null,
    10,
  );
  expect(step).toMatchObject({ examined: 2, resealed: 1, moved: 1, unreadable: [] });
  expect(await read(both)).toEqual({ acc_a0: "refreshed", acc_b0: "pair of acc_b0" });
  expect(sum(await steps(), "resealed")).toBe(1);
});

test("what no key of the ring opens is named, left as it is, and in nobody's way", async () => {
  const other = await ringOf(`gone:${keyOf(3)}`);
  const forged = await ringOf(`new:${keyOf(4)}`);
  await putAccount("acc_a0", other);
  await putAccount("acc_b0", old);
  await putAccount("acc_c1", forged);
  await put(env.DB_1, "accounts", accountRow({ id: "acc_d1", token: "never sealed" }));
  await putApp("app_a1", other);
  const done = await steps();
  expect(unreadable(done)).toEqual(["acc_a0", "acc_c1", "acc_d1", "app_a1"]);
  expect(sum(done, "resealed")).toBe(1);
  expect(await read(other)).toMatchObject({ acc_a0: "pair of acc_a0", app_a1: "secret of app_a1" });
  expect(await read(fresh)).toMatchObject({ acc_b0: "pair of acc_b0" });
});

test.each(["", "nonsense", "0.jobs.job_1", "2.accounts.", "0.accounts.x'y", "0.accounts", "0.apps.app_1\n"])(
  "there is no going on from %j",
  async (cursor) => {
    expect(await reseal({ databases, sealing: "tokens", ring: both }, cursor, 2)).toBeNull();
  },
);
