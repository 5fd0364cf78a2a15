import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { newId } from "#core/lib/ids";
import * as idempotencyKeys from "#core/store/idempotency-keys";
import type { JobRow } from "#core/store/jobs";
import { CONNECTION_LOST, openDoor, type Door } from "../support/door.ts";

const jobsOf = async (clientId: string): Promise<JobRow[]> => {
  const found = await Promise.all(
    [env.DB, env.DB_1].map((db) =>
      db.prepare("SELECT * FROM jobs WHERE client_id = ?").bind(clientId).all<JobRow>(),
    ),
  );
  return found.flatMap(({ results }) => results);
};

describe("a job that is taken", () => {
  test("is answered with 202, where to find it, and when to look", async () => {
    const door = await openDoor();
    const { key, account_id, post } = await door.tenant();
    const { status, headers, body } = await post({ metadata: { mine: [1, { two: null }] } });
    expect(status).toBe(202);
    expect(headers.get("location")).toBe(`/v1/jobs/${body.id}`);
    expect(headers.get("retry-after")).toBe("1");
    expect(headers.get("idempotent-replayed")).toBeNull();
    expect(body).toMatchObject({
      kind: "tweet.create",
      state: "queued",
      account_id,
      attempts: 0,
      max_attempts: 8,
      run_at: null,
      blocked_on: null,
      metadata: { mine: [1, { two: null }] },
      created_at: "2026-11-23T12:00:00.000Z",
      expires_at: "2026-11-30T12:00:00.000Z",
      log: [],
    });
    expect((await door.call("GET", headers.get("location") ?? "", { key })).body).toEqual(body);
    expect(door.logged("job.accepted")).toMatchObject([
      { request_id: headers.get("x-request-id"), job: body.id, account: account_id, replayed: false },
    ]);
  });

  test("wakes its lane once", async () => {
    const door = await openDoor();
    const { account_id, post } = await door.tenant();
    await post();
    door.advance(1);
    await post({ text: "again" });
    await door.settled();
    expect(door.messages).toEqual([{ lane: `tweets:${account_id}`, delay_s: 0 }]);
  });

  test("and is due soon wakes its lane then; one due later leaves that to the clock", async () => {
    const door = await openDoor();
    const soon = await door.tenant();
    const later = await door.tenant();
    const at = (s: number) => new Date(door.now() + s * 1000).toISOString();
    expect((await soon.post({ run_at: at(30) })).headers.get("retry-after")).toBe("30");
    expect((await later.post({ run_at: at(7200) })).headers.get("retry-after")).toBe("3600");
    await door.settled();
    expect(door.messages).toEqual([{ lane: `tweets:${soon.account_id}`, delay_s: 30 }]);
  });

  test("is taken also when the queue is not there", async () => {
    const door = await openDoor({
      TWEETS: { sendBatch: () => Promise.reject(new Error("Queue is overloaded")) } as unknown as Queue,
    });
    const { post } = await door.tenant();
    expect((await post()).status).toBe(202);
    await door.settled();
    expect(door.logged("wake.failed")).toMatchObject([{ reason: "Error: Queue is overloaded" }]);
  });

  test("lives on the database of its account", async () => {
    const door = await openDoor();
    const { id, post } = await door.tenant({ shard: "1" });
    const { body } = await post({}, { "idempotency-key": "k" });
    expect(body.id).toMatch(/1$/);
    const [row] = await jobsOf(id);
    expect(row?.id).toBe(body.id);
  });
});

describe("an account that the job cannot have", () => {
  test.each([
    ["is unknown", "acc_01KAB3C4D5V1StGXR8Z5jd0", 404],
    ["is on a database that is not bound", "acc_01KAB3C4D5V1StGXR8Z5jdz", 404],
    ["is on a database that cannot be", "acc_01KAB3C4D5V1StGXR8Z5jdZ", 404],
    ["is malformed", "acc_1", 422],
    ["is something else's id", "job_01KAB3C4D5V1StGXR8Z5jd0", 422],
    ["is empty", "", 422],
  ])("because it %s is refused", async (_, account_id, status) => {
    const door = await openDoor();
    const { id, post } = await door.tenant();
    expect((await post({ account_id })).status).toBe(status);
    expect((await post({ account_id }, { "idempotency-key": "k" })).status).toBe(status);
    expect(await jobsOf(id)).toEqual([]);
  });
});

describe("an Idempotency-Key", () => {
  test("with the same body finds the same job again, however it has gone on", async () => {
    const door = await openDoor();
    const { id, post } = await door.tenant();
    const first = await post({}, { "idempotency-key": "k" });
    await door.setJob(first.body.id, { state: "canceled", open: null, finished_at: door.now() });
    door.advance(86_400_000);
    const again = await post({}, { "idempotency-key": "k" });
    expect(again.status).toBe(202);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(again.body).toEqual({ ...first.body, state: "canceled", finished_at: "2026-11-23T12:00:00.000Z" });
    expect(await jobsOf(id)).toHaveLength(1);
  });

  test("with another body is refused, and makes nothing", async () => {
    const door = await openDoor();
    const { id, post } = await door.tenant();
    await post({}, { "idempotency-key": "k" });
    expect(await post({ text: "other" }, { "idempotency-key": "k" })).toMatchObject({
      status: 422,
      body: { code: "idempotency_mismatch" },
    });
    expect(await jobsOf(id)).toHaveLength(1);
  });

  test("finds its job again when the time that the body names has passed meanwhile", async () => {
    const door = await openDoor();
    const { post } = await door.tenant();
    const fields = { expires_at: new Date(door.now() + 60_000).toISOString() };
    const first = await post(fields, { "idempotency-key": "k" });
    door.advance(60_000);
    const again = await post(fields, { "idempotency-key": "k" });
    expect(again).toMatchObject({ status: 202, body: { id: first.body.id } });
  });

  test("is not used up by a body that is refused", async () => {
    const door = await openDoor();
    const { post } = await door.tenant();
    expect((await post({ max_attempts: 0 }, { "idempotency-key": "k" })).status).toBe(422);
    expect((await post({}, { "idempotency-key": "k" })).status).toBe(202);
  });

  test.each([
    ["", 400],
    [" ", 400],
    ["k".repeat(256), 400],
    ["k".repeat(255), 202],
    ["a b/c:%00'\"--", 202],
  ])("%j is answered with %i", async (value, status) => {
    const door = await openDoor();
    const { id, post } = await door.tenant();
    expect((await post({}, { "idempotency-key": value })).status).toBe(status);
    expect(await jobsOf(id)).toHaveLength(status === 202 ? 1 : 0);
  });

  test("of another client is another key", async () => {
    const door = await openDoor();
    const [one, two] = [await door.tenant(), await door.tenant()];
    const first = await one.post({}, { "idempotency-key": "k" });
    const second = await two.post({ text: "other" }, { "idempotency-key": "k" });
    expect(second.status).toBe(202);
    expect(second.headers.get("idempotent-replayed")).toBeNull();
    expect(second.body.id).not.toBe(first.body.id);
  });

  test("that ten requests bring at once makes one job and one wake-up", async () => {
    const door = await openDoor();
    const { id, post } = await door.tenant({ shard: "1" });
    const answers = await Promise.all(Array.from({ length: 10 }, () => post({}, { "idempotency-key": "k" })));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.has("idempotent-replayed"))).toHaveLength(9);
    expect(await jobsOf(id)).toHaveLength(1);
    await door.settled();
    expect(door.messages).toHaveLength(1);
  });

  test("whose producer died before the job was written makes the job that it named", async () => {
    const door = await openDoor();
    const { id, key, account_id } = await door.tenant();
    const body = { account_id, text: "hello" };
    const reference = await door.call("POST", "/v1/tweets", {
      key,
      body,
      headers: { "idempotency-key": "first" },
    });
    const [known] = (
      await env.DB.prepare("SELECT * FROM idempotency_keys WHERE client_id = ?")
        .bind(id)
        .all<idempotencyKeys.IdempotencyRow>()
    ).results;
    if (!known) throw new Error("no key");
    const named = newId("job", "0", door.now() - 1000);
    await idempotencyKeys.claim(env.DB, { ...known, key: "crashed", job_id: named }).run();
    const answer = await door.call("POST", "/v1/tweets", {
      key,
      body,
      headers: { "idempotency-key": "crashed" },
    });
    expect(answer).toMatchObject({ status: 202, body: { id: named, state: "queued" } });
    expect(named).not.toBe(reference.body.id);
    expect((await jobsOf(id)).map((job) => job.id).sort()).toEqual([named, reference.body.id].sort());
  });

  test("holds for deletes too: of one tweet once, of another tweet it is refused", async () => {
    const door = await openDoor();
    const { id, key, account_id } = await door.tenant();
    const headers = { "idempotency-key": "k" };
    const remove = (tweet: string) =>
      door.call("DELETE", `/v1/tweets/${tweet}?account_id=${account_id}`, { key, headers });
    const first = await remove("11");
    expect(first.status).toBe(202);
    expect((await remove("11")).body.id).toBe(first.body.id);
    expect(await remove("22")).toMatchObject({ status: 422, body: { code: "idempotency_mismatch" } });
    expect(await jobsOf(id)).toHaveLength(1);
  });

  test("that made a tweet is refused for a delete", async () => {
    const door = await openDoor();
    const { key, account_id, post } = await door.tenant();
    const headers = { "idempotency-key": "k" };
    await post({}, headers);
    const path = `/v1/tweets/1?account_id=${account_id}`;
    expect((await door.call("DELETE", path, { key, headers })).status).toBe(422);
  });
});

describe("a commit that fails", () => {
  const failing = (door: Door, table: string, times: number) => {
    let left = times;
    door.breakDatabases((sql) =>
      sql.includes(`INSERT INTO ${table}`) && left-- > 0 ? CONNECTION_LOST : null,
    );
  };

  test.each(["jobs", "idempotency_keys"])("on %s is sent again, and makes one job", async (table) => {
    const door = await openDoor();
    const { id, post } = await door.tenant();
    failing(door, table, 2);
    expect((await post({}, { "idempotency-key": "k" })).status).toBe(202);
    expect(await jobsOf(id)).toHaveLength(1);
    expect(door.logged("commit.repeated")).toHaveLength(2);
  });

  test("three times is a 503, and the same key makes one job afterwards", async () => {
    const door = await openDoor();
    const { id, post } = await door.tenant();
    failing(door, "jobs", 3);
    expect((await post({}, { "idempotency-key": "k" })).status).toBe(503);
    expect(await jobsOf(id)).toHaveLength(0);
    const answer = await post({}, { "idempotency-key": "k" });
    expect(answer.status).toBe(202);
    expect(answer.headers.get("idempotent-replayed")).toBe("true");
    expect(await jobsOf(id)).toHaveLength(1);
  });
});
