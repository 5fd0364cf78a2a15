import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { newId } from "#core/lib/ids";
import type { EventRow } from "#core/store/events";
import { all } from "#core/store/sql";
import { createLookup, type Asked } from "#core/webhooks/lookup";
import { batchedBy, unreachable } from "../../support/database.ts";
import { createHarness } from "../../support/harness.ts";

/** Events of jobs on both databases, and how to ask for them. */
async function told() {
  const h = await createHarness({ sharded: true });
  const row = await h.endpoint(["job.*"]);
  for (const shard of ["0", "0", "1"] as const) await h.post(await h.account({ shard }), "x");
  await h.turn();
  const events = (
    await Promise.all([env.DB, env.DB_1].map((db) => all<EventRow>(db.prepare("SELECT * FROM events"))))
  ).flat();
  expect(events).toHaveLength(3);
  const asked = events.map(({ id }): Asked => ({ client_id: h.clientId, event_id: id, endpoint_id: row.id }));
  return { h, row, asked };
}

test("what is asked at once is one question to each database, and everybody has their own answer", async () => {
  const { h, row, asked } = await told();
  const questions: number[] = [];
  const counted = (db: D1Database) =>
    batchedBy(db, (statements) => {
      questions.push(statements.length);
      return db.batch(statements);
    });
  const databases = { DB: counted(env.DB), DB_1: counted(env.DB_1) };
  const look = createLookup({ databases, clock: h.consumer.clock });
  const found = await Promise.all(asked.map(look));
  expect(found.map(({ event }) => event?.id)).toEqual(asked.map(({ event_id }) => event_id));
  expect(found.map(({ endpoint }) => endpoint?.id)).toEqual(asked.map(() => row.id));
  expect(found.every(({ event }) => event?.params.includes('"x"'))).toBe(true);
  expect(questions).toEqual([2, 2]);
});

test("what is not there, or another client's, is null", async () => {
  const { h, asked } = await told();
  const look = createLookup({ databases: h.consumer.databases, clock: h.consumer.clock });
  const [one] = asked;
  if (!one) throw new Error("nothing was told");
  const [good, callback, gone, theirs] = await Promise.all([
    look(one),
    look({ ...one, endpoint_id: null }),
    look({ ...one, event_id: newId("evt", "0", 1), endpoint_id: newId("whe", "0", 1) }),
    look({ ...one, client_id: newId("cli", "0", 1) }),
  ]);
  expect(good).toMatchObject({ event: { id: one.event_id }, endpoint: { id: one.endpoint_id } });
  expect(callback).toMatchObject({ event: { id: one.event_id }, endpoint: null });
  expect([gone, theirs]).toEqual(Array(2).fill({ event: null, endpoint: null }));
});

test("a database that cannot be reached fails those who asked it, and nobody else", async () => {
  const { h, asked } = await told();
  const databases = { DB: env.DB, DB_1: unreachable(env.DB_1) };
  const look = createLookup({ databases, clock: h.consumer.clock });
  const results = await Promise.allSettled(asked.map(look));
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  await expect(look({ client_id: "cli_1", event_id: "evt_z", endpoint_id: null })).rejects.toThrow();
});
