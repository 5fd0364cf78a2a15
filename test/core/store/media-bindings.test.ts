import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import * as bindings from "#core/store/media-bindings";
import type { BoundRow, UploadAsk } from "#core/store/media-bindings";
import { all, first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { accountRow, empty, jobIn, NOW, put } from "../../support/rows.ts";

const db = strict(env.DB);
const ask: UploadAsk = {
  client_id: "cli_1",
  account_id: "acc_1",
  media_id: "med_1",
  job_id: "job_1",
  kind: "media.upload",
  lane: "media:med_1:acc_1",
  gates: "[]",
  max_attempts: 10,
  run_at: null,
  expires_after_ms: 1_000,
  if_received: 0,
  if_job: null,
};
const asked = async (...asks: UploadAsk[]) => {
  await db.batch([bindings.ask(db, NOW, asks), bindings.bind(db, asks)]);
};
const find = () => first<BoundRow>(bindings.find(db, [ask]));
const jobs = async () =>
  (await all<{ id: string }>(db.prepare("SELECT id FROM jobs ORDER BY id"))).map(({ id }) => id);

beforeEach(async () => {
  await empty(env.DB);
  await put(env.DB, "accounts", accountRow());
});

describe("a medium is asked to be sent", () => {
  test("once, however often", async () => {
    await asked(ask, ask);
    await asked(ask);
    expect(await jobs()).toEqual(["job_1"]);
    expect(await find()).toMatchObject({ job_id: "job_1", state: "queued", open: 1, x_media_id: null });
  });

  test("not for an account that was disconnected", async () => {
    await env.DB.prepare("UPDATE accounts SET state = 'disconnected'").run();
    await asked(ask);
    expect(await jobs()).toEqual([]);
    expect(await find()).toBeNull();
  });

  test("if it is whole, where that is the condition", async () => {
    const upload = {
      client_id: "cli_1",
      id: "med_1",
      account_id: "acc_1",
      size_bytes: 1,
      send: "now",
      metadata: "{}",
      created_at: NOW,
      expires_at: NOW,
    };
    await put(env.DB, "uploads", { ...upload, state: "receiving" });
    await asked({ ...ask, if_received: 1 });
    expect(await jobs()).toEqual([]);
    await env.DB.prepare("UPDATE uploads SET state = 'received', bytes_received = 1, received_at = 1").run();
    await asked({ ...ask, if_received: 1 });
    expect(await jobs()).toEqual(["job_1"]);
  });

  test("if the job was taken for which it is asked", async () => {
    const of = { ...ask, job_id: "job_2", if_job: "job_1" };
    await asked(of);
    expect(await jobs()).toEqual([]);
    await put(env.DB, "jobs", jobIn("queued"));
    await asked(of);
    expect(await jobs()).toEqual(["job_1", "job_2"]);
  });

  test("later, and whoever is at it now stays so", async () => {
    await asked(ask, { ...ask, job_id: "job_2", run_at: NOW + 5 });
    expect(await first(db.prepare("SELECT due_at, expires_at FROM jobs WHERE id = 'job_2'"))).toEqual({
      due_at: NOW + 5,
      expires_at: NOW + 1_005,
    });
    await asked({ ...ask, job_id: "job_3" });
    expect(await find()).toMatchObject({ job_id: "job_1" });
  });

  test("anew when the job that was at it has ended", async () => {
    await asked(ask);
    await env.DB.prepare("UPDATE jobs SET state = 'failed', open = NULL, finished_at = 1").run();
    await asked({ ...ask, job_id: "job_2" });
    expect(await find()).toMatchObject({ job_id: "job_2", state: "queued" });
  });
});

describe("what X calls it", () => {
  const bound = { ...ask, x_media_id: "77", x_expires_at: NOW + 9 };

  test("is written by the job that runs under its lease, and no other", async () => {
    await put(env.DB, "jobs", jobIn("running", { kind: "media.upload" }));
    await bindings.settle(db, [{ ...bound, lease: "lse_2" }]).run();
    expect(await find()).toBeNull();
    await bindings.settle(db, [{ ...bound, lease: "lse_1" }]).run();
    expect(await find()).toMatchObject({ x_media_id: "77", x_expires_at: NOW + 9, job_id: "job_1" });
  });

  test("is forgotten if it is still that, and when a job begins to send it anew", async () => {
    await put(env.DB, "jobs", jobIn("running", { kind: "media.upload" }));
    await bindings.settle(db, [{ ...bound, lease: "lse_1" }]).run();
    await bindings.forget(db, { ...ask, x_media_id: "78" }).run();
    expect(await find()).toMatchObject({ x_media_id: "77" });
    await bindings.forget(db, { ...ask, x_media_id: "77" }).run();
    expect(await find()).toMatchObject({ x_media_id: null, x_expires_at: null });
    await bindings.settle(db, [{ ...bound, lease: "lse_1" }]).run();
    await bindings.take(db, { ...ask, job_id: "job_9" }).run();
    expect(await find()).toMatchObject({ job_id: "job_9", x_media_id: null, state: null });
  });
});

test("an account's lanes of media are those with open jobs", async () => {
  await asked(ask, { ...ask, media_id: "med_2", job_id: "job_2", lane: "media:med_2:acc_1" });
  await env.DB.prepare(
    "UPDATE jobs SET state = 'failed', open = NULL, finished_at = 1 WHERE id = 'job_2'",
  ).run();
  expect(await all(bindings.lanesOf(db, "acc_1"))).toEqual([{ lane: "media:med_1:acc_1" }]);
});

test("what is known of a medium is forgotten for the accounts that are named", async () => {
  await asked(ask);
  await bindings.remove(db, "cli_1", "med_1", ["acc_2"]).run();
  expect(await find()).not.toBeNull();
  await bindings.remove(db, "cli_1", "med_1", ["acc_1"]).run();
  expect(await find()).toBeNull();
});
