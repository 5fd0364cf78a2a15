import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { borrow } from "#core/jobs/borrow";
import * as caps from "#core/store/caps";
import * as clients from "#core/store/clients";
import * as gates from "#core/store/gates";
import { createHarness, type Harness } from "../../support/harness.ts";

/** A client with an account on the other database, which has been lent nothing yet. */
async function away(cap: number | null) {
  const h = await createHarness({ sharded: true });
  const account = await h.account({ shard: "1" });
  await clients.change(env.DB, h.clientId, { name: null, return_urls: null, daily_cap: cap }).run();
  const whose = { client_id: h.clientId, account_id: null, lane_names: ["tweets"] };
  if (cap !== null) await caps.put(env.DB, h.now(), whose, cap).run();
  await caps.follow(env.DB_1, h.now(), h.clientId).run();
  await h.post(account, "waits");
  await gates.shut(env.DB_1, h.now(), `spend:${h.clientId}`, "spend_cap").run();
  await env.DB_1.prepare("UPDATE lanes SET next_at = ?")
    .bind(h.now() + 1e6)
    .run();
  h.messages.length = 0;
  return { h, account };
}

const ask = (h: Harness, want: number, least: number) =>
  borrow(h.consumer, env.DB_1, [{ client_id: h.clientId, want, least }]);
const limitOf = async (h: Harness, db: D1Database) =>
  (
    await db
      .prepare('SELECT "limit" FROM allowances WHERE name = ?')
      .bind(`spend:${h.clientId}`)
      .first<{ limit: number }>()
  )?.limit;
const isShut = async (h: Harness) =>
  (await env.DB_1.prepare("SELECT 1 FROM gates WHERE name = ?").bind(`spend:${h.clientId}`).first()) !== null;

test("what was lent lets the lanes go on", async () => {
  const { h, account } = await away(100);
  await ask(h, 60, 20);
  expect(await limitOf(h, env.DB_1)).toBe(60);
  expect(await isShut(h)).toBe(false);
  expect(h.messages).toEqual([{ lane: `tweets:${account}`, at: h.now() }]);
});

test("where there is too little for all, there is enough for one", async () => {
  const { h } = await away(100);
  await ask(h, 160, 20);
  expect(await limitOf(h, env.DB_1)).toBe(20);
});

test("where there is too little, nothing goes on", async () => {
  const { h } = await away(100);
  await ask(h, 160, 120);
  expect(await limitOf(h, env.DB_1)).toBe(0);
  expect(await isShut(h)).toBe(true);
  expect(h.messages).toEqual([]);
});

test("a cap that was taken away without a word is forgotten here too", async () => {
  const { h } = await away(null);
  await ask(h, 60, 20);
  expect(await limitOf(h, env.DB_1)).toBeUndefined();
  expect(await isShut(h)).toBe(false);
  expect(h.messages).toHaveLength(1);
});

test("a client's database that does not answer changes nothing, and is told of", async () => {
  const { h } = await away(100);
  h.wrapDatabase(
    () =>
      ({
        prepare: () => {
          throw new Error("down");
        },
      }) as unknown as D1Database,
  );
  await ask(h, 60, 20);
  expect(await isShut(h)).toBe(true);
  expect(h.logged("cap.unreachable")).toHaveLength(1);
});
