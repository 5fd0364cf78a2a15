import { expect, test } from "vitest";
import type { UploadRow } from "#core/store/uploads";
import { mediaErrors } from "../../src/check-media.ts";
import { mistakes, openDoor, type Door } from "../support/door.ts";
import { file } from "../support/files.ts";
import { putMedium } from "../support/medium.ts";

const NONE = "med_01KAB3C4D5V1StGXR8Z5jd0";
const ELSEWHERE = "med_01KAB3C4D5V1StGXR8Z5jdz";

type Tenant = { id: string; account_id: string };

const mediumOf = (door: Door, { id, account_id }: Tenant, more: Partial<UploadRow> = {}) =>
  putMedium(file("image/png"), { client_id: id, account_id, now: door.now(), ...more });

test("a tweet is taken with media of its client's, also with one that is still on its way, and with X's own ids", async () => {
  const door = await openDoor();
  const mine = await door.tenant();
  const other = { id: mine.id, account_id: await door.account(mine.id, { shard: "1" }) };
  const media = [
    await mediumOf(door, mine),
    await mediumOf(door, other),
    await mediumOf(door, mine, { state: "receiving", received_at: null }),
    "12",
  ];
  expect((await mine.post({ media })).status).toBe(202);
});

test("what is not there, another client's, refused or gone is named at its place, all of it at once", async () => {
  const door = await openDoor();
  const [mine, theirs] = [await door.tenant(), await door.tenant()];
  const detail = "X takes no cats";
  const failed = { state: "failed", error: JSON.stringify({ code: "media_unsupported", detail }) } as const;
  const late = { state: "receiving", received_at: null, expires_at: door.now() } as const;
  const given = [NONE, ELSEWHERE, await mediumOf(door, theirs), await mediumOf(door, mine, failed)];
  const refused = await mine.post({ media: given });
  expect(refused.status).toBe(422);
  expect(mistakes(refused.body)).toEqual([
    "/media/0 not_found",
    "/media/1 not_found",
    "/media/2 not_found",
    "/media/3 media_failed",
  ]);
  expect(refused.body.errors[3]?.detail).toBe(detail);
  const gone = [await mediumOf(door, mine, late), await mediumOf(door, mine, { cleared_at: 1 })];
  expect(mistakes((await mine.post({ media: gone })).body)).toEqual([
    "/media/0 media_gone",
    "/media/1 media_gone",
  ]);
  expect(mistakes((await mine.post({ media: [NONE], dry_run: true })).body)).toEqual(["/media/0 not_found"]);
});

test("of an account that the key does not reach there are no media", async () => {
  const door = await openDoor();
  const mine = await door.tenant();
  const other = { id: mine.id, account_id: await door.account(mine.id) };
  const key = await door.key(mine.id, { account_ids: [mine.account_id] });
  const body = { account_id: mine.account_id, text: "a", media: [await mediumOf(door, other)] };
  const refused = await door.call("POST", "/v1/tweets", { key, body });
  expect(mistakes(refused.body)).toEqual(["/media/0 not_found"]);
});

test("in a thread, a job of any kind and an edit the pointer leads there", async () => {
  const door = await openDoor();
  const { key, account_id, post } = await door.tenant();
  const ask = async (method: string, path: string, body: object) =>
    mistakes((await door.call(method, path, { key, body })).body);
  const tweets = [{ text: "a" }, { text: "b", media: ["1", NONE] }];
  expect(await ask("POST", "/v1/threads", { account_id, tweets })).toEqual(["/tweets/1/media/1 not_found"]);
  const upload = { kind: "media.upload", params: { account_id, media_id: NONE } };
  expect(await ask("POST", "/v1/jobs", upload)).toEqual(["/params/media_id not_found"]);
  const { body } = await post();
  expect(await ask("PATCH", `/v1/jobs/${body.id}`, { params: { text: "a", media: [NONE] } })).toEqual([
    "/params/media/0 not_found",
  ]);
});

test("an edit that names another medium keeps that one, and has it sent ahead", async () => {
  const door = await openDoor();
  const mine = await door.tenant();
  const { body } = await mine.post({ run_at: new Date(door.now() + 3_600_000).toISOString() });
  const media_id = await mediumOf(door, mine, { send: "later" });
  const edit = { params: { text: "a", media: [media_id] } };
  expect((await door.call("PATCH", `/v1/jobs/${body.id}`, { key: mine.key, body: edit })).status).toBe(200);
  const uses = await door.env.DB.prepare("SELECT media_id, job_id FROM media_uses").all();
  expect(uses.results).toEqual([{ media_id, job_id: body.id }]);
  const sending = await door.env.DB.prepare("SELECT due_at FROM jobs WHERE kind = 'media.upload'").all();
  expect(sending.results).toEqual([{ due_at: door.now() + 1_800_000 }]);
});

test("the same request finds its job again, also when the medium has gone meanwhile", async () => {
  const door = await openDoor();
  const mine = await door.tenant();
  const media = [await mediumOf(door, mine)];
  const headers = { "idempotency-key": "k1" };
  const taken = await mine.post({ media }, headers);
  await door.env.DB.prepare("UPDATE uploads SET cleared_at = 1").run();
  const again = await mine.post({ media }, headers);
  expect([again.status, again.body.id]).toEqual([202, taken.body.id]);
  expect((await mine.post({ media }, { "idempotency-key": "k2" })).status).toBe(422);
});

test("a refused job does not use up its key", async () => {
  const door = await openDoor();
  const mine = await door.tenant();
  const id = await mediumOf(door, mine, { cleared_at: 1 });
  const headers = { "idempotency-key": "k1" };
  expect((await mine.post({ media: [id] }, headers)).status).toBe(422);
  expect((await mine.post({ media: [id] }, headers)).status).toBe(422);
  await door.env.DB.prepare("UPDATE uploads SET cleared_at = NULL").run();
  expect((await mine.post({ media: [id] }, headers)).status).toBe(202);
});

test("ten thousand items with four media each are looked up", async () => {
  const door = await openDoor();
  const mine = await door.tenant();
  const kind = door.app.kinds.find("tweet.create");
  if (!kind) throw new Error("no kind");
  const good = await mediumOf(door, mine);
  const stem = good.slice(0, -6);
  const caller = { key_id: "key_1", session_id: null, client_id: mine.id, scopes: [], account_ids: null };
  const jobs = Array.from({ length: 10_000 }, (_, index) => {
    const other = (place: number) => `${stem}${String(index * 3 + place).padStart(5, "0")}0`;
    return { kind, params: { media: [good, other(0), other(1), other(2)] }, pointer: "" };
  });
  const errors = await mediaErrors(door.app, caller, jobs);
  expect(errors).toHaveLength(10_000);
  expect(
    errors.every((some) => some.length >= 2 && some.every(({ pointer }) => pointer !== "/media/0")),
  ).toBe(true);
});
