import { describe, expect, test } from "vitest";
import { mistakes, openDoor } from "../support/door.ts";
import type { JobRow } from "#core/store/jobs";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A batch whose items are due so many ms from now. */
async function taken(...dueIn: number[]) {
  const door = await openDoor();
  const tenant = await door.tenant();
  const items = dueIn.map((ms, index) => ({
    account_id: tenant.account_id,
    text: `tweet ${index}`,
    run_at: new Date(door.now() + ms).toISOString(),
  }));
  const { body } = await door.call("POST", "/v1/batches", { key: tenant.key, body: { items } });
  const call = (method: string, path = "", fields?: object, headers: Record<string, string> = {}) =>
    door.call(method, `/v1/batches/${body.id}${path}`, { key: tenant.key, body: fields, headers });
  const jobs = async () =>
    (await door.env.DB.prepare("SELECT * FROM jobs ORDER BY id").all<JobRow>()).results;
  const end = async (index: number, state: JobRow["state"]) =>
    door.setJob((await jobs())[index]?.id ?? "", { state, open: null, finished_at: 1 });
  const lane = async () =>
    (await door.env.DB.prepare("SELECT next_at FROM lanes").first<{ next_at: number | null }>())?.next_at;
  return { door, tenant, id: body.id, call, jobs, end, lane };
}

describe("cancel", () => {
  test("ends what has not started, asks what runs, leaves the rest, and ends the batch", async () => {
    const { door, call, jobs, end, lane } = await taken(0, 0, HOUR_MS);
    await end(0, "succeeded");
    const [, second] = await jobs();
    await door.setJob(second?.id ?? "", { state: "running", lease: "lse_1" });
    const { status, body } = await call("POST", "/cancel");
    expect(status).toBe(200);
    expect(body).toMatchObject({
      canceled: 1,
      in_flight: 1,
      state: "running",
      counts: { succeeded: 1, running: 1, canceled: 1 },
    });
    await door.setJob(second?.id ?? "", { state: "succeeded", lease: null, open: null, finished_at: 1 });
    expect((await call("POST", "/cancel")).body).toMatchObject({
      canceled: 0,
      in_flight: 0,
      state: "completed",
    });
    expect(await lane()).toBeNull();
  });
});

describe("retry", () => {
  test("gives what failed or died a new life, and the batch too", async () => {
    const { door, call, end } = await taken(0, 0, 0);
    for (const [index, state] of (["failed", "succeeded", "dead"] as const).entries())
      await end(index, state);
    expect((await call("POST", "/cancel")).body).toMatchObject({ canceled: 0, state: "completed" });
    await door.settled();
    door.messages.length = 0;
    const { status, body } = await call("POST", "/retry");
    expect(status).toBe(202);
    expect(body).toMatchObject({
      retried: 2,
      state: "running",
      completed_at: null,
      counts: { queued: 2, succeeded: 1 },
    });
    await door.settled();
    expect(door.messages).toHaveLength(1);
    expect((await call("POST", "/retry")).body).toMatchObject({ retried: 0 });
  });
});

describe("shift", () => {
  test("moves what has not started, and its lane", async () => {
    const { door, call, jobs, end, lane } = await taken(HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS);
    await end(0, "succeeded");
    const { body } = await call("PATCH", "", { shift_s: 3600 });
    expect(body).toMatchObject({ moved: 2 });
    const due = (await jobs()).map(({ due_at }) => (due_at - door.now()) / HOUR_MS);
    expect(due).toEqual([1, 3, 4]);
    expect(await lane()).toBe(door.now() + 3 * HOUR_MS);
    await call("PATCH", "", { shift_s: -7200 });
    expect(await lane()).toBe(door.now() + HOUR_MS);
  });

  test("is refused where it leads before now, or too far", async () => {
    const { call, jobs } = await taken(HOUR_MS, 300 * DAY_MS);
    const before = await jobs();
    const early = await call("PATCH", "", { shift_s: -3600 });
    expect(mistakes(early.body)).toEqual(["/shift_s too_early"]);
    const far = await call("PATCH", "", { shift_s: 100 * 86_400 });
    expect(mistakes(far.body)).toEqual(["/shift_s too_far"]);
    expect(mistakes((await call("PATCH", "", { shift_s: 0 })).body)).toEqual(["/shift_s invalid"]);
    expect(await jobs()).toEqual(before);
  });

  test("is done once, where If-Match says as of when", async () => {
    const { call, jobs } = await taken(HOUR_MS);
    const { headers } = await call("GET");
    const match = { "if-match": headers.get("etag") ?? "" };
    expect((await call("PATCH", "", { shift_s: 60 }, match)).status).toBe(200);
    expect((await call("PATCH", "", { shift_s: 60 }, match)).body.code).toBe("precondition_failed");
    expect((await jobs())[0]?.sequence).toBe(2);
  });
});
