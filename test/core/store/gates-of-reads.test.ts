import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import * as reads from "#core/store/gates-of-reads";
import type { GateRow } from "#core/store/gates";
import { strict } from "../../support/database.ts";
import { empty, NOW, put } from "../../support/rows.ts";

const db = strict(env.DB);
const SECOND = 1000;

beforeEach(() => empty(env.DB));

const gate = (name: string) =>
  env.DB.prepare("SELECT * FROM gates WHERE name = ?").bind(name).first<GateRow>();
const standing = async (now: number, ...names: string[]) =>
  (await reads.standing(db, now, names).all<reads.Standing>()).results;
const closing = { name: "window:a", reason: "rate_limited", limit: 75, remaining: 0, tried: false };

describe("what there is to know", () => {
  test("is nothing of gates without a row, open ones without faults, and others", async () => {
    await put(env.DB, "gates", { name: "a", open_at: NOW, reason: "locked", updated_at: 0 });
    await put(env.DB, "gates", { name: "b", open_at: NOW * 2, reason: "locked", updated_at: 0 });
    expect(await standing(NOW, "a", "c")).toEqual([]);
  });

  test("is how long a closed one waits, and the faults of an open one", async () => {
    await put(env.DB, "gates", { name: "a", open_at: NOW + 5, reason: "locked", updated_at: 0 });
    await put(env.DB, "gates", { name: "b", open_at: 0, reason: "x_unavailable", faults: 10, updated_at: 0 });
    expect(await standing(NOW, "a", "b")).toEqual([
      { name: "a", reason: "locked", waits_ms: 5, faults: 0, broken: 0 },
      { name: "b", reason: "x_unavailable", waits_ms: 0, faults: 10, broken: 1 },
    ]);
  });
});

describe("closing", () => {
  test("until a time that X named shows the window", async () => {
    await reads.shut(db, NOW, { ...closing, opens_in_ms: 9 * SECOND }).run();
    expect(await gate("window:a")).toMatchObject({
      open_at: NOW + 9 * SECOND,
      resets_at: NOW + 9 * SECOND,
      limit: 75,
      remaining: 0,
      failures: 0,
    });
  });

  test("without a time backs off, twice as long when it happens again", async () => {
    const shut = (now: number) => reads.shut(db, now, { ...closing, opens_in_ms: null }).run();
    await shut(NOW);
    expect(await gate("window:a")).toMatchObject({ open_at: NOW + 30 * SECOND, failures: 1 });
    await shut(NOW + 31 * SECOND);
    expect(await gate("window:a")).toMatchObject({ open_at: NOW + 91 * SECOND, failures: 2 });
  });

  test("for one to try before all go on needs its answer to open", async () => {
    await reads.shut(db, NOW, { ...closing, opens_in_ms: SECOND, tried: true }).run();
    expect(await gate("window:a")).toMatchObject({ faults: 10, probe: null });
    expect(await reads.tryBroken(db, NOW + SECOND, "window:a", "me").first()).not.toBeNull();
    expect(await reads.tryBroken(db, NOW + SECOND, "window:a", "you").first()).toBeNull();
    await reads.hear(db, NOW + SECOND, "window:a", -1, "me").run();
    expect(await gate("window:a")).toMatchObject({ faults: 0, open_at: NOW + SECOND });
  });

  test("never opens earlier what is closed for longer", async () => {
    await put(env.DB, "gates", { name: "window:a", open_at: NOW * 2, reason: "locked", updated_at: 0 });
    await reads.shut(db, NOW, { ...closing, opens_in_ms: SECOND }).run();
    expect(await gate("window:a")).toMatchObject({ open_at: NOW * 2, reason: "locked" });
  });
});

describe("a part of X", () => {
  const hear = (now: number, faults: 1 | -1, by = "req_1") =>
    reads.hear(db, now, "x:timelines", faults, by).run();

  test("is not written about by an answer", async () => {
    await hear(NOW, -1);
    expect(await gate("x:timelines")).toBeNull();
  });

  test("breaks at ten faults, is tried by one, and mended by its answer", async () => {
    for (let i = 0; i < 10; i++) await hear(NOW, 1);
    expect(await gate("x:timelines")).toMatchObject({ faults: 10, open_at: NOW + 30 * SECOND });
    const attempt = (now: number, by: string) => reads.tryBroken(db, now, "x:timelines", by).first();
    expect(await attempt(NOW + 29 * SECOND, "req_2")).toBeNull();
    expect(await attempt(NOW + 30 * SECOND, "req_2")).not.toBeNull();
    expect(await attempt(NOW + 30 * SECOND, "req_3")).toBeNull();
    await hear(NOW + 31 * SECOND, -1, "req_9");
    expect(await gate("x:timelines")).toMatchObject({ faults: 10 });
    await hear(NOW + 31 * SECOND, -1, "req_2");
    expect(await gate("x:timelines")).toMatchObject({ faults: 0, open_at: NOW + 31 * SECOND, probe: null });
  });
});
