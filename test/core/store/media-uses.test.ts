import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import * as uses from "#core/store/media-uses";
import { all } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { empty, jobIn, put } from "../../support/rows.ts";

const db = strict(env.DB);
const use = { media_id: "med_1", client_id: "cli_1", job_id: "job_1" };
const media = [{ client_id: "cli_1", id: "med_1" }];
const needed = async () => (await all<{ id: string }>(uses.needed(db, media))).map(({ id }) => id);

beforeEach(() => empty(env.DB));

test("a medium is needed as long as a job that carries it is open, or nobody knows what became of it", async () => {
  await put(env.DB, "jobs", jobIn("queued"));
  await db.batch([uses.insert(db, [use]), uses.insert(db, [use])]);
  expect(await needed()).toEqual(["med_1"]);
  await env.DB.prepare("UPDATE jobs SET state = 'unknown', open = NULL").run();
  expect(await needed()).toEqual(["med_1"]);
  await env.DB.prepare("UPDATE jobs SET state = 'failed', finished_at = 1").run();
  expect(await needed()).toEqual([]);
});

test("it is needed as long as a job is to send it", async () => {
  await put(env.DB, "jobs", jobIn("queued", { lane: "media:med_1:acc_1" }));
  expect(await needed()).toEqual(["med_1"]);
  await env.DB.prepare("UPDATE jobs SET lane = 'media:med_10:acc_1'").run();
  expect(await needed()).toEqual([]);
});

test("a job that was not taken needs nothing, and what is forgotten neither", async () => {
  await uses.insert(db, [use]).run();
  expect(await needed()).toEqual([]);
  await put(env.DB, "jobs", jobIn("queued"));
  await uses.insert(db, [use]).run();
  await uses.remove(db, "cli_1", "med_1").run();
  expect(await needed()).toEqual([]);
});

test("subtitles are named by a video as long as its bytes are kept", async () => {
  const video = {
    client_id: "cli_1",
    id: "med_9",
    account_id: "acc_1",
    state: "receiving",
    send: "now",
    metadata: JSON.stringify({ subtitles: [{ media_id: "med_1" }] }),
    created_at: 1,
    expires_at: 2,
  };
  const named = async () => (await all<{ id: string }>(uses.named(db, media))).map(({ id }) => id);
  expect(await named()).toEqual([]);
  await put(env.DB, "uploads", video);
  expect(await named()).toEqual(["med_1"]);
  await env.DB.prepare("UPDATE uploads SET cleared_at = 1").run();
  expect(await named()).toEqual([]);
});
