import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import * as endpoints from "#core/store/endpoints";
import type { EndpointRow } from "#core/store/endpoints";
import { all, first } from "#core/store/sql";
import { disableEndpoint, endpointGate } from "#core/webhooks/endpoint-health";
import { spreadEndpoints } from "#core/webhooks/spread";
import { createHarness } from "../../support/harness.ts";
import { strict } from "../../support/database.ts";

const databases = { DB: strict(env.DB), DB_1: strict(env.DB_1) };
const on = (db: D1Database) => all<EndpointRow>(db.prepare("SELECT * FROM endpoints ORDER BY client_id, id"));
const found = (row: EndpointRow) => first<EndpointRow>(endpoints.find(env.DB_1, row.client_id, row.id));

/** An installation with endpoints, before its second database is bound, and what is to be done once it is. */
async function before(count = 1) {
  const h = await createHarness();
  const one = await h.endpoint(["job.*"]);
  for (let n = 1; n < count; n++) await h.endpoint(["job.*"], { description: `No. ${n}` });
  const spread = (more: Partial<typeof databases> = {}) =>
    spreadEndpoints({ ...h.consumer, databases: { ...databases, ...more } });
  return { h, one, spread };
}

/** A database on which something happens as soon as a page of endpoints was read. */
const whenRead = (db: D1Database, happens: () => Promise<unknown>): D1Database => {
  const real = strict(db);
  return {
    batch: (statements: D1PreparedStatement[]) => real.batch(statements),
    prepare: (sql: string) => {
      const statement = real.prepare(sql);
      if (!sql.includes("(client_id, id) >")) return statement;
      return {
        bind: (...values: unknown[]) => ({
          all: async () => {
            const answer = await statement.bind(...values).all();
            await happens();
            return answer;
          },
        }),
      };
    },
  } as unknown as D1Database;
};

test("a database that was bound only now gets all of them, page by page, once", async () => {
  const { spread } = await before(120);
  expect(await spread()).toBe(120);
  expect(await on(env.DB_1)).toEqual(await on(env.DB));
  expect(await spread()).toBe(0);
});

test("what happens there is told from then on", async () => {
  const { h, spread } = await before();
  await spread();
  const tell = env.DB_1.prepare(
    "INSERT INTO events (client_id, id, type, account_id, subject, data, created_at) VALUES (?, 'evt_1', 'job.failed', 'acc_1', 'job_1', '{}', 1)",
  ).bind(h.clientId);
  await tell.run();
  const deliveries = env.DB_1.prepare("SELECT count(*) AS count FROM jobs WHERE kind = 'webhook.deliver'");
  expect(await deliveries.first()).toEqual({ count: 1 });
});

test("one that is disabled stands behind its gate there, too", async () => {
  const { h, one, spread } = await before();
  await disableEndpoint(h.consumer, one, "asked");
  await spread();
  expect(await found(one)).toMatchObject({ state: "disabled" });
  const gate = env.DB_1.prepare("SELECT reason FROM gates WHERE name = ?").bind(endpointGate(one));
  expect(await gate.first()).toEqual({ reason: "endpoint_disabled" });
});

test("each database keeps its own account of how an endpoint does", async () => {
  const { h, spread } = await before();
  const failing = await h.endpoint(["*"], { failing_since: 1, warned_at: 2 });
  await spread();
  expect(await found(failing)).toMatchObject({ failing_since: null, warned_at: null });
});

test("one that is deleted while it is copied is not there afterwards", async () => {
  const { one, spread } = await before();
  await spread({ DB: whenRead(env.DB, () => endpoints.remove(env.DB, one).run()) });
  expect(await on(env.DB_1)).toEqual([]);
});

test("one that is changed while it is copied is as it was changed, with the next tick", async () => {
  const { one, spread } = await before();
  const change = () => endpoints.set(env.DB, one, { description: "changed" }, one.updated_at + 1).run();
  await spread({ DB: whenRead(env.DB, change) });
  expect(await on(env.DB_1)).toEqual([]);
  await spread();
  expect(await found(one)).toMatchObject({ description: "changed" });
});

test("a single database has nothing to be brought anywhere, and is not asked", async () => {
  const { h } = await before();
  const untouched = { prepare: () => expect.unreachable("nobody asks it") } as unknown as D1Database;
  expect(await spreadEndpoints({ ...h.consumer, databases: { DB: untouched } })).toBe(0);
});
