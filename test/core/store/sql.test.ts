import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { all, first, GATES_OPEN, headOf, isIn, namesIn, NOW, ping } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { empty, jobIn, put, putLane } from "../../support/rows.ts";

const { DB: db } = env;
const ask = (sql: string, ...values: unknown[]) =>
  first<{ it: unknown }>(db.prepare(`SELECT ${sql} AS it`).bind(...values));

beforeEach(() => empty(db));

describe("now", () => {
  test("is the time that is passed", async () => {
    expect(await ask(NOW, 42)).toEqual({ it: 42 });
  });

  test("or D1's own clock in whole ms", async () => {
    const row = await ask(NOW, null);
    expect(Math.abs(Number(row?.it) - Date.now())).toBeLessThan(5000);
    expect(Number.isInteger(row?.it)).toBe(true);
  });
});

test("the head of a lane is its first open job, by due time and then by id", async () => {
  await put(db, "jobs", jobIn("succeeded", { id: "job_0", due_at: 1 }));
  await put(db, "jobs", jobIn("queued", { id: "job_3", due_at: 2 }));
  await put(db, "jobs", jobIn("queued", { id: "job_2", due_at: 2 }));
  await put(db, "jobs", jobIn("queued", { id: "job_1", due_at: 1, lane: "other" }));
  expect(await ask(headOf("'tweets:acc_1'"))).toEqual({ it: "job_2" });
  expect(await ask(headOf("'nobody'"))).toEqual({ it: null });
});

test.each([1, 2, 25])("%i names become as many rows", async (count) => {
  const names = Array.from({ length: count }, (_, i) => `lane ${i} "quoted"`);
  const statement = db.prepare(`SELECT lane FROM ${namesIn("?1", count)} WHERE lane IS NOT NULL`);
  expect(await all(statement.bind(JSON.stringify(names)))).toEqual(names.map((lane) => ({ lane })));
});

test("a lane is open when every one of its gates is", async () => {
  await putLane(db, { gates: '["a","b","c","d"]' });
  const open = async () =>
    (await first<{ it: number }>(db.prepare(`SELECT ${GATES_OPEN} AS it FROM lanes WHERE ?1`).bind(1000)))
      ?.it;
  expect(await open()).toBe(1);
  await put(db, "gates", { name: "e", open_at: 5000, reason: "r", updated_at: 0 });
  await put(db, "gates", { name: "a", open_at: 1000, reason: "r", updated_at: 0 });
  expect(await open()).toBe(1);
  await put(db, "gates", { name: "d", open_at: 1001, reason: "r", updated_at: 0 });
  expect(await open()).toBe(0);
});

test("a broken part of X is open to the lane that tries it alone", async () => {
  for (const name of ["tweets:acc_1", "tweets:acc_2"])
    await putLane(db, { lane: name, gates: '["x:tweets"]' });
  const row = { name: "x:tweets", open_at: 999, reason: "r", updated_at: 0 };
  await put(db, "gates", { ...row, faults: 10, probe: "tweets:acc_2" });
  const open = db.prepare(`SELECT ${GATES_OPEN} AS it FROM lanes WHERE ?1 ORDER BY lane`).bind(1000);
  expect(await all(open)).toEqual([{ it: 0 }, { it: 1 }]);
  await db.prepare("UPDATE gates SET faults = 9").run();
  expect(await all(open)).toEqual([{ it: 1 }, { it: 1 }]);
});

test.each([
  ["tweet.create", 1],
  ["tweet", 0],
  ["create", 0],
  ["tweet.delete", 0],
])("%s is in the list: %i", async (name, found) => {
  expect(await ask(isIn("?1", "?2"), '["tweet.create","media.upload"]', name)).toEqual({ it: found });
});

test("a database that answers, answers", async () => {
  expect(await first(ping(db))).toEqual({ 1: 1 });
});

describe("D1's limits, which a local database does not keep", () => {
  test("more than 100 parameters are refused", () => {
    expect(() =>
      strict(db)
        .prepare("SELECT 1")
        .bind(...Array<number>(101).fill(1)),
    ).toThrow("parameters");
    expect(() =>
      strict(db)
        .prepare("SELECT 1")
        .bind(...Array<number>(100).fill(1)),
    ).not.toThrow("too long");
  });

  test("a parameter over 1 MB is refused", () => {
    expect(() => strict(db).prepare("SELECT ?").bind("x".repeat(1_000_001))).toThrow("parameters");
  });
});
