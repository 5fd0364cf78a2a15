import { describe, expect, test } from "vitest";
import type { State } from "#core/lib/lifecycle";
import type { JobRow } from "#core/store/jobs";
import { CONNECTION_LOST, mistakes, openDoor, type Door } from "../support/door.ts";
import { file } from "../support/files.ts";
import { putMedium } from "../support/medium.ts";

/** A job in each state that it can be in. */
const situations: Record<string, Partial<JobRow>> = {
  queued: {},
  scheduled: { due_at: Date.UTC(2026, 10, 24), run_at: Date.UTC(2026, 10, 24) },
  waiting: { state: "waiting", attempts: 1 },
  running: { state: "running", attempts: 1, lease: "lse_x" },
  unknown: { state: "unknown", maybe_sent: 2 },
  parked: { state: "unknown", maybe_sent: 2, open: null },
  succeeded: { state: "succeeded", open: null, finished_at: 1, result: '{"tweet_id":"1"}' },
  failed: { state: "failed", open: null, finished_at: 1, error: '{"code":"x_duplicate"}' },
  dead: { state: "dead", open: null, finished_at: 1, attempts: 5 },
  "dead, and perhaps sent": { state: "dead", open: null, finished_at: 1, maybe_sent: 2 },
  canceled: { state: "canceled", open: null, finished_at: 1 },
};

async function jobIn(door: Door, situation: string) {
  const tenant = await door.tenant();
  const { body } = await tenant.post();
  await door.setJob(body.id, situations[situation] ?? {});
  const ask = (way: string) => door.call("POST", `/v1/jobs/${body.id}/${way}`, { key: tenant.key });
  const row = () => door.row<JobRow>(body.id, "jobs");
  return { ...tenant, id: body.id, ask, row };
}

describe("cancel answers truthfully when the job", () => {
  test.each<[string, number, State | undefined]>([
    ["queued", 200, "canceled"],
    ["scheduled", 200, "canceled"],
    ["waiting", 200, "canceled"],
    ["canceled", 200, "canceled"],
    ["running", 202, "running"],
    ["unknown", 409, undefined],
    ["parked", 409, undefined],
    ["succeeded", 409, undefined],
    ["failed", 409, undefined],
    ["dead", 409, undefined],
  ])("is %s: %i", async (situation, status, state) => {
    const door = await openDoor();
    const { ask, row } = await jobIn(door, situation);
    const before = await row();
    const answer = await ask("cancel");
    expect(answer.status).toBe(status);
    if (state) expect(answer.body.state).toBe(state);
    else {
      expect(answer.body.code).toBe("already_sent");
      expect(await row()).toEqual(before);
    }
    expect((await row())?.cancel_requested).toBe(situation === "running" ? 1 : 0);
  });

  test("is canceled twice: the second answer is the first", async () => {
    const door = await openDoor();
    const { ask } = await jobIn(door, "queued");
    const first = await ask("cancel");
    door.advance(60_000);
    expect((await ask("cancel")).body).toEqual(first.body);
    expect(first.body).toMatchObject({ state: "canceled", finished_at: "2026-11-23T12:00:00.000Z" });
  });

  test("moves meanwhile: canceling and asking it to stop are one commit, and nothing slips through between", async () => {
    const door = await openDoor();
    const { ask, row } = await jobIn(door, "queued");
    door.breakDatabases((sql) => (sql.includes("SET cancel_requested = 1") ? CONNECTION_LOST : null));
    expect((await ask("cancel")).status).toBe(503);
    expect((await row())?.state).toBe("queued");
  });
});

describe("retry", () => {
  test.each<[string, number, State | undefined]>([
    ["failed", 202, "queued"],
    ["dead", 202, "queued"],
    ["dead, and perhaps sent", 202, "unknown"],
    ["queued", 409, undefined],
    ["scheduled", 409, undefined],
    ["waiting", 409, undefined],
    ["running", 409, undefined],
    ["unknown", 409, undefined],
    ["parked", 409, undefined],
    ["succeeded", 409, undefined],
    ["canceled", 409, undefined],
  ])("of a job that is %s: %i", async (situation, status, state) => {
    const door = await openDoor();
    const { id, account_id, ask, row } = await jobIn(door, situation);
    await door.settled();
    door.messages.length = 0;
    const before = await row();
    const answer = await ask("retry");
    await door.settled();
    expect(answer.status).toBe(status);
    if (state) {
      expect(answer.body).toMatchObject({ id, state, attempts: 0, finished_at: null });
      expect(answer.headers.get("location")).toBe(`/v1/jobs/${id}`);
    } else {
      expect(answer.body.code).toBe("not_retryable");
      expect(await row()).toEqual(before);
      expect(door.messages).toEqual([]);
    }
    expect(account_id).toBe((await row())?.account_id);
  });

  test("wakes the lane, and puts the job at the end of its line", async () => {
    const door = await openDoor();
    const { id, account_id, ask, post } = await jobIn(door, "failed");
    await door.setLane(`tweets:${account_id}`, null);
    await door.settled();
    door.messages.length = 0;
    door.advance(1000);
    await ask("retry");
    await door.settled();
    expect(door.messages).toEqual([{ lane: `tweets:${account_id}`, delay_s: 0 }]);
    expect((await door.row<JobRow>(id, "jobs"))?.due_at).toBe(door.now());
    expect((await post()).status).toBe(202);
  });

  test("gives a week more when the job's time has passed", async () => {
    const door = await openDoor();
    const { ask } = await jobIn(door, "failed");
    door.advance(8 * 86_400_000);
    expect((await ask("retry")).body.expires_at).toBe("2026-12-08T12:00:00.000Z");
  });

  test("of a kind that is not there any more is refused: nobody could run it", async () => {
    const door = await openDoor();
    const { id, ask } = await jobIn(door, "failed");
    await door.setJob(id, { kind: "tweet.sing" });
    const answer = await ask("retry");
    expect(answer.status).toBe(409);
    expect(answer.body.code).toBe("not_retryable");
  });
});

test("what stands behind a canceled job that backed off is sent now, not when that would have been", async () => {
  const door = await openDoor();
  const { ask, row } = await jobIn(door, "waiting");
  const lane = (await row())?.lane ?? "";
  await door.setLane(lane, door.now() + 900_000);
  door.messages.length = 0;
  expect((await ask("cancel")).status).toBe(200);
  await door.settled();
  expect(door.messages).toEqual([{ lane, delay_s: 0 }]);
});

describe("an id that names no job", () => {
  test.each([
    "job_01KAB3C4D5V1StGXR8Z5jd0",
    "job_01KAB3C4D5V1StGXR8Z5jdz",
    "job_01KAB3C4D5V1StGXR8Z5jdZ",
    "acc_01KAB3C4D5V1StGXR8Z5jd0",
    "job_",
    "job_1",
    "1",
    "null",
    "job_01KAB3C4D5V1StGXR8Z5jd0%00",
    "job_01KAB3C4D5V1StGXR8Z5jd0'--",
    "%F0%9F%8E%89",
    "%",
    "..%2f..%2f",
    "x".repeat(10_000),
  ])("%s is not found", async (id) => {
    const door = await openDoor();
    const { key } = await door.client();
    for (const [method, path] of [
      ["GET", `/v1/jobs/${id}`],
      ["POST", `/v1/jobs/${id}/cancel`],
      ["POST", `/v1/jobs/${id}/retry`],
    ] as const)
      expect(await door.call(method, path, { key })).toMatchObject({
        status: 404,
        body: { code: "not_found" },
      });
  });
});

describe("POST /v1/jobs", () => {
  test("takes a job of every kind by its example", async () => {
    const door = await openDoor();
    const { id: client_id, key, account_id } = await door.tenant();
    const media_id = await putMedium(file("image/png"), { client_id, account_id, now: door.now() });
    for (const name of door.app.kinds.names) {
      const example = door.app.kinds.find(name)?.example as Record<string, unknown>;
      const params = { ...example, account_id, ...("media_id" in example && { media_id }) };
      const { status, body } = await door.call("POST", "/v1/jobs", { key, body: { kind: name, params } });
      expect(status).toBe(202);
      expect(body).toMatchObject({ kind: name, state: "queued", account_id });
    }
  });

  test("takes the common fields beside params", async () => {
    const door = await openDoor();
    const { key, account_id } = await door.tenant();
    const { body } = await door.call("POST", "/v1/jobs", {
      key,
      body: {
        kind: "tweet.delete",
        params: { account_id, tweet_id: "1" },
        run_at: "2026-11-24T00:00:00Z",
        expires_at: "2026-11-25T00:00:00Z",
        max_attempts: 2,
        metadata: { a: 1 },
      },
    });
    expect(body).toMatchObject({
      state: "scheduled",
      run_at: "2026-11-24T00:00:00.000Z",
      expires_at: "2026-11-25T00:00:00.000Z",
      max_attempts: 2,
      metadata: { a: 1 },
    });
  });

  test("says which kinds there are when there is none", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const { body } = await door.call("POST", "/v1/jobs", { key, body: {} });
    expect(mistakes(body)).toEqual(["/kind invalid_value"]);
    expect(body.errors[0]?.detail).toContain("tweet.create");
  });
});

describe("GET /v1/jobs/{id}", () => {
  test("has an ETag that moves with the job", async () => {
    const door = await openDoor();
    const { id, key, ask } = await jobIn(door, "queued");
    const etag = async () => (await door.call("GET", `/v1/jobs/${id}`, { key })).headers.get("etag");
    const before = await etag();
    expect(await etag()).toBe(before);
    await ask("cancel");
    expect(await etag()).not.toBe(before);
  });

  test("shows the gate that a waiting job is behind, and no gate that is open", async () => {
    const door = await openDoor();
    const { id, key, account_id } = await jobIn(door, "waiting");
    const name = `window:${account_id}:POST /2/tweets`;
    await door.closeGate(account_id, name, "rate_limited", door.now() + 60_000);
    await door.closeGate(account_id, `account:${account_id}`, "reconnect", door.now() - 1);
    await door.closeGate(
      account_id,
      `window:${account_id}:GET /2/tweets`,
      "rate_limited",
      door.now() + 99_000,
    );
    const { body } = await door.call("GET", `/v1/jobs/${id}`, { key });
    expect(body.blocked_on).toEqual({
      gate: name,
      reason: "rate_limited",
      until: "2026-11-23T12:01:00.000Z",
    });
    expect(body.next_attempt_at).toBe("2026-11-23T12:01:00.000Z");
    door.advance(60_000);
    expect((await door.call("GET", `/v1/jobs/${id}`, { key })).body.blocked_on).toBeNull();
  });

  test("of several closed gates shows the one that opens last", async () => {
    const door = await openDoor();
    const { id, key, account_id } = await jobIn(door, "queued");
    await door.closeGate(account_id, `account:${account_id}`, "reconnect", door.now() + 90_000);
    await door.closeGate(
      account_id,
      `window:${account_id}:POST /2/tweets`,
      "rate_limited",
      door.now() + 60_000,
    );
    const { body } = await door.call("GET", `/v1/jobs/${id}`, { key });
    expect(body.blocked_on).toMatchObject({ reason: "reconnect" });
  });

  test("shows jobs of the second database with the gates of theirs", async () => {
    const door = await openDoor();
    const { key, account_id, post } = await door.tenant({ shard: "1" });
    const { body } = await post();
    await door.closeGate(account_id, `account:${account_id}`, "locked", door.now() + 90_000);
    const shown = await door.call("GET", `/v1/jobs/${body.id}`, { key });
    expect(shown.body.blocked_on).toMatchObject({ reason: "locked" });
  });
});

describe("Prefer: wait", () => {
  const get = (door: Door, key: string, id: string, prefer: string) =>
    door.call("GET", `/v1/jobs/${id}`, { key, headers: { prefer } });

  test("holds until the job has ended", async () => {
    const door = await openDoor();
    const { id, key } = await jobIn(door, "running");
    const began = door.now();
    door.whileAsleep(async (at) => {
      if (at - began > 5_000)
        await door.setJob(id, { ...situations.succeeded, lease: null, finished_at: at });
    });
    const { body, headers } = await get(door, key, id, "wait=30");
    expect(body).toMatchObject({ state: "succeeded", result: { tweet_id: "1" } });
    expect(headers.get("preference-applied")).toBe("wait=30");
    expect(door.now() - began).toBeLessThan(7_000);
  });

  test.each(["succeeded", "failed", "dead", "canceled", "parked"])(
    "does not hold a %s job",
    async (situation) => {
      const door = await openDoor();
      const { id, key } = await jobIn(door, situation);
      await get(door, key, id, "wait=30");
      expect(door.sleeps).toEqual([]);
    },
  );

  test.each([
    ["wait=3", 3_000, "wait=3"],
    ["wait=999", 60_000, "wait=60"],
    ["wait=0", 0, "wait=0"],
    ["wait=soon", 0, null],
    ["wait=-1", 0, null],
    ["garbage;;;,,", 0, null],
  ])("%s holds an open job for %i ms", async (prefer, ms, applied) => {
    const door = await openDoor();
    const { id, key } = await jobIn(door, "unknown");
    const began = door.now();
    const { status, headers } = await get(door, key, id, prefer);
    expect(status).toBe(200);
    expect(door.now() - began).toBe(ms);
    expect(headers.get("preference-applied")).toBe(applied);
    expect(door.sleeps.length).toBeLessThan(80);
  });

  test("says that the database went away meanwhile", async () => {
    const door = await openDoor();
    const { id, key } = await jobIn(door, "running");
    door.whileAsleep(() => {
      door.breakDatabases(() => CONNECTION_LOST);
    });
    expect((await get(door, key, id, "wait=30")).status).toBe(503);
  });

  test("counts on GET alone", async () => {
    const door = await openDoor();
    const { post } = await door.tenant();
    expect((await post({}, { prefer: "wait=30" })).status).toBe(202);
    expect(door.sleeps).toEqual([]);
  });
});
