import { expect, test } from "vitest";
import { stage } from "#core/jobs/stage";
import { mistakes, openDoor } from "../support/door.ts";

async function meeting(more: object = {}) {
  const door = await openDoor();
  const { key, account_id } = await door.tenant();
  const body = { cron: "0 9 * * *", account_id, text: "hello", ...more };
  const { id } = (await door.call("POST", "/v1/schedules", { key, body })).body;
  const path = `/v1/schedules/${id}`;
  return {
    door,
    key,
    account_id,
    patch: (change: object, headers: Record<string, string> = {}) =>
      door.call("PATCH", path, { key, body: change, headers }),
    act: (verb: string) => door.call("POST", `${path}/${verb}`, { key }),
    get: async (rest = "") => (await door.call("GET", `${path}${rest}`, { key })).body,
    jobs: async () => (await door.call("GET", "/v1/jobs", { key })).body.data,
  };
}

test("another expression or time zone holds from now on", async () => {
  const { patch } = await meeting();
  expect((await patch({ cron: "0 18 * * *" })).body).toMatchObject({ next_at: "2026-11-23T18:00:00.000Z" });
  expect((await patch({ time_zone: "Asia/Tokyo" })).body).toMatchObject({
    cron: "0 18 * * *",
    next_at: "2026-11-24T09:00:00.000Z",
  });
});

test("another text is what the next job says", async () => {
  const { door, account_id, patch, jobs } = await meeting({ cron: "* * * * *" });
  await patch({ params: { account_id, text: "good evening" }, metadata: { a: 1 }, catch_up: "once" });
  await stage(door.app);
  expect(await jobs()).toMatchObject([{ metadata: { a: 1 } }]);
  const row = await door.env.DB.prepare("SELECT params FROM jobs").first<{ params: string }>();
  expect(JSON.parse(row?.params ?? "")).toEqual({ account_id, text: "good evening" });
});

test("what is wrong is said, and nothing is changed", async () => {
  const { account_id, patch, get } = await meeting();
  const before = await get();
  const wrong = async (change: object) => {
    const { status, body } = await patch(change);
    expect(status).toBe(422);
    return mistakes(body);
  };
  expect(await wrong({ cron: "0 0 30 2 *", params: { account_id, text: "" } })).toEqual([
    "/cron invalid_value",
    "/params/text required",
  ]);
  expect(await wrong({ params: { account_id: "acc_01KAB3C4D5V1StGXR8Z5jd0", text: "a" } })).toEqual([
    "/params/account_id invalid_value",
  ]);
  expect(await wrong({ kind: "like.create" })).toEqual(["/kind unknown_field"]);
  expect(await get()).toEqual(before);
});

test("a change of what was read before is refused when it has changed since", async () => {
  const { patch } = await meeting();
  const first = await patch({ cron: "@weekly" }, { "if-match": '"1"' });
  expect([first.status, first.headers.get("etag")]).toEqual([200, '"2"']);
  expect((await patch({ cron: "@daily" }, { "if-match": '"1"' })).status).toBe(412);
});

test("a paused one makes no job, and what passes meanwhile is not missed", async () => {
  const { door, act, get, jobs } = await meeting({ catch_up: "once", cron: "* * * * *" });
  expect((await act("pause")).body).toMatchObject({ state: "paused", next_at: null });
  expect((await act("pause")).status).toBe(200);
  expect((await get("/next")) as unknown).toMatchObject({ times: expect.any(Array) as string[] });
  door.advance(3_600_000);
  await stage(door.app);
  expect(await jobs()).toEqual([]);
  const resumed = (await act("resume")).body;
  expect(resumed).toMatchObject({ state: "active", skipped: { count: 0 }, fired: 0 });
  expect(Date.parse(String(resumed.next_at))).toBeGreaterThan(door.now());
});

test("a paused one that is changed stays paused", async () => {
  const { act, patch } = await meeting();
  await act("pause");
  expect((await patch({ cron: "@weekly" })).body).toMatchObject({ state: "paused", next_at: null });
});
