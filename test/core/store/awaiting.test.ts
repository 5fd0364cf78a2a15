import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import * as awaiting from "#core/store/awaiting";
import { all, first } from "#core/store/sql";
import type { JobRow } from "#core/store/jobs";
import { strict } from "../../support/database.ts";
import { empty, jobIn, NOW, put, putLane } from "../../support/rows.ts";

const db = strict(env.DB);
const awaited = [{ account_id: "acc_1", media_id: "med_1" }];
const LATER = NOW + 300_000;

const settle = async () => {
  const [hurried] = await db.batch([awaiting.hurry(db, NOW, awaited), awaiting.resume(db, NOW, awaited)]);
  return hurried?.results;
};
const job = () => first<JobRow>(db.prepare("SELECT * FROM jobs WHERE id = 'job_1'"));

beforeEach(async () => {
  await empty(env.DB);
  await put(env.DB, "jobs", jobIn("waiting", { awaits: "med_1", due_at: LATER, next_attempt_at: LATER }));
  await putLane(env.DB, { next_at: LATER });
});

test("what waited for a medium that nobody is at any more is due, at the end of the line", async () => {
  expect(await settle()).toEqual([{ lane: "tweets:acc_1", wait_ms: 0 }]);
  expect(await job()).toMatchObject({ due_at: NOW, next_attempt_at: null, awaits: null, state: "waiting" });
  expect(await settle()).toEqual([]);
});

test("what waits for another medium, or for another account's, does not", async () => {
  await put(env.DB, "jobs", jobIn("waiting", { id: "job_2", awaits: "med_2", due_at: LATER }));
  await put(
    env.DB,
    "jobs",
    jobIn("waiting", { id: "job_3", awaits: "med_1", account_id: "acc_2", due_at: LATER }),
  );
  await settle();
  const left = await all<JobRow>(db.prepare("SELECT id FROM jobs WHERE awaits IS NOT NULL ORDER BY id"));
  expect(left.map(({ id }) => id)).toEqual(["job_2", "job_3"]);
});

describe("it goes on waiting", () => {
  test("while a job sends the medium", async () => {
    await put(env.DB, "jobs", jobIn("running", { id: "job_9", lane: "media:med_1:acc_1" }));
    await put(env.DB, "media_bindings", { ...awaited[0], client_id: "cli_1", job_id: "job_9" });
    expect(await settle()).toEqual([]);
    expect(await job()).toMatchObject({ awaits: "med_1", due_at: LATER });
    await env.DB.prepare(
      "UPDATE jobs SET state = 'succeeded', open = NULL, lease = NULL, finished_at = 1 WHERE id = 'job_9'",
    ).run();
    await settle();
    expect(await job()).toMatchObject({ awaits: null });
  });

  test("while its bytes are on their way, until they expire", async () => {
    const upload = {
      client_id: "cli_1",
      id: "med_1",
      account_id: "acc_1",
      size_bytes: 1,
      send: "now",
      metadata: "{}",
      created_at: NOW,
    };
    await put(env.DB, "uploads", { ...upload, state: "receiving", expires_at: NOW + 1 });
    await settle();
    expect(await job()).toMatchObject({ awaits: "med_1" });
    await env.DB.prepare("UPDATE uploads SET expires_at = ?").bind(NOW).run();
    await settle();
    expect(await job()).toMatchObject({ awaits: null });
  });
});
