import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import * as idempotencyKeys from "#core/store/idempotency-keys";
import type { IdempotencyRow } from "#core/store/idempotency-keys";
import { all, first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { empty, NOW } from "../../support/rows.ts";

const db = strict(env.DB);
const row = (change: Partial<IdempotencyRow> = {}): IdempotencyRow => ({
  client_id: "cli_1",
  key: "k",
  body_hash: "h",
  job_id: "job_1",
  created_at: NOW,
  ...change,
});
const claim = (change: Partial<IdempotencyRow> = {}) => idempotencyKeys.claim(db, row(change)).run();
const found = (client = "cli_1", key = "k") => first<IdempotencyRow>(idempotencyKeys.find(db, client, key));

beforeEach(() => empty(env.DB));

test("a key stands for the job of whoever asked first", async () => {
  await claim();
  await claim({ job_id: "job_2", body_hash: "h2" });
  expect(await found()).toEqual(row());
});

test("each client has keys of its own", async () => {
  await claim();
  await claim({ client_id: "cli_2", job_id: "job_2" });
  expect((await found())?.job_id).toBe("job_1");
  expect((await found("cli_2"))?.job_id).toBe("job_2");
  expect(await found("cli_3")).toBeNull();
});

test("keys made before a time are found, client by client, a bounded number at once", async () => {
  for (let i = 0; i < 4; i++) await claim({ key: `k${i}`, created_at: NOW + i });
  await claim({ client_id: "cli_2", key: "a" });
  await claim({ client_id: "cli_3" });
  const older = async (before: number, limit: number, after = { client_id: "", key: "" }) => {
    const found = await all<IdempotencyRow>(
      idempotencyKeys.older(db, ["cli_1", "cli_2"], before, after, limit),
    );
    return found.map(({ client_id, key }) => `${client_id} ${key}`);
  };
  expect(await older(NOW + 3, 10)).toEqual(["cli_1 k0", "cli_1 k1", "cli_1 k2", "cli_2 a"]);
  expect(await older(NOW + 9, 2)).toEqual(["cli_1 k0", "cli_1 k1"]);
  expect(await older(NOW + 9, 2, { client_id: "cli_1", key: "k2" })).toEqual(["cli_1 k3", "cli_2 a"]);
  expect(await older(NOW + 9, 2, { client_id: "cli_2", key: "a" })).toEqual([]);
  expect(await older(NOW, 10)).toEqual([]);
});

test("keys are removed from their client alone", async () => {
  await claim();
  await claim({ client_id: "cli_2" });
  await idempotencyKeys
    .remove(db, [
      { client_id: "cli_1", key: "k" },
      { client_id: "cli_1", key: "gone" },
    ])
    .run();
  expect(await found()).toBeNull();
  expect(await found("cli_2")).not.toBeNull();
});
