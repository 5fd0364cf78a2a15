import { expect, test } from "vitest";
import { openDoor, mistakes, type Door } from "../support/door.ts";
import { indexInBatch } from "#core/lib/ids";
import type { JobRow } from "#core/store/jobs";

const DAY_MS = 86_400_000;

type Tenant = Awaited<ReturnType<Door["tenant"]>>;

const lines = (...values: unknown[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join("");

const post = (
  door: Door,
  { key }: Pick<Tenant, "key">,
  body: unknown,
  headers: Record<string, string> = {},
) => door.call("POST", "/v1/batches", { key, body, headers });

const postLines = (door: Door, { key }: Tenant, text: string, headers: Record<string, string> = {}) =>
  door.call("POST", "/v1/batches", {
    key,
    text,
    headers: { "content-type": "application/x-ndjson", ...headers },
  });

const jobsOf = async (door: Door, batch: string): Promise<JobRow[]> => {
  const rows: JobRow[] = [];
  for (const db of [door.env.DB, door.env.DB_1 ?? door.env.DB])
    rows.push(
      ...(await db.prepare("SELECT * FROM jobs WHERE batch_id = ?").bind(batch).all<JobRow>()).results,
    );
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
};

const textOf = (job: JobRow): unknown => (JSON.parse(job.params) as { text: unknown }).text;

test("takes every item as a job, in the order of the items, and wakes their lane once", async () => {
  const door = await openDoor();
  const tenant = await door.tenant();
  const items = Array.from({ length: 30 }, (_, index) => ({ text: `tweet ${index}` }));
  const { status, headers, body } = await post(door, tenant, {
    defaults: { account_id: tenant.account_id },
    items,
  });
  expect(status).toBe(202);
  expect(body).toMatchObject({
    state: "running",
    accepted: 30,
    rejected: [],
    rejected_count: 0,
    accounts: 1,
    counts: { queued: 30, scheduled: 0 },
  });
  expect(headers.get("location")).toBe(`/v1/batches/${body.id}`);
  const jobs = await jobsOf(door, body.id);
  expect(jobs.map(textOf)).toEqual(items.map(({ text }) => text));
  expect(jobs.map(({ id }) => indexInBatch(id))).toEqual(items.map((_, index) => index));
  expect(new Set(jobs.map(({ due_at }) => due_at)).size).toBe(1);
  await door.settled();
  expect(door.messages).toEqual([{ lane: `tweets:${tenant.account_id}`, delay_s: 0 }]);
});

test("takes the good items and names the bad ones, by index and pointer", async () => {
  const door = await openDoor();
  const { key, account_id } = await door.tenant();
  const other = await door.tenant();
  const { status, body } = await post(
    door,
    { key },
    {
      items: [
        { account_id, text: "good" },
        { account_id, text: "" },
        { account_id, text: "bad time", run_at: "2029-01-01T00:00:00Z", order: "some" },
        "no object",
        { account_id, kind: "tweet.shout", text: "x" },
        { account_id: other.account_id, text: "not mine" },
        { kind: "tweet.delete", params: { account_id, tweet_id: "x" } },
        { kind: "tweet.delete", params: { account_id, tweet_id: "12" } },
        { account_id, text: "both", expires_at: "2026-11-25T12:00:00Z", expires_after_s: 60 },
      ],
    },
  );
  expect(status).toBe(202);
  expect(body).toMatchObject({ accepted: 2, rejected_count: 7 });
  const rejected = body.rejected as { index: number; errors: { pointer: string; code: string }[] }[];
  expect(
    rejected.map(({ index, errors }) => [index, ...errors.map((one) => `${one.pointer} ${one.code}`)]),
  ).toEqual([
    [1, "/text required"],
    [2, "/order invalid_value", "/run_at too_far"],
    [3, " invalid_type"],
    [4, "/kind invalid_value"],
    [5, "/account_id not_found"],
    [6, "/params/tweet_id invalid_format"],
    [8, "/expires_at exclusive", "/expires_after_s exclusive"],
  ]);
  const jobs = await jobsOf(door, body.id);
  expect(jobs.map(({ id, kind }) => [indexInBatch(id), kind])).toEqual([
    [0, "tweet.create"],
    [7, "tweet.delete"],
  ]);
});

test("reads NDJSON line by line, with a header or without", async () => {
  const door = await openDoor();
  const tenant = await door.tenant();
  const { account_id } = tenant;
  const bare = await postLines(door, tenant, lines({ account_id, text: "a" }, { account_id, text: "b" }));
  expect(bare.body).toMatchObject({ accepted: 2 });
  const header = { defaults: { account_id, expires_after_s: 60 } };
  const text = `${lines(header, { text: "c" })}{"text": \n\n${lines({ text: "d" })}`;
  const { body } = await postLines(door, tenant, text);
  expect(body).toMatchObject({
    accepted: 2,
    rejected: [{ index: 1, errors: [{ pointer: "", code: "not_json" }] }],
  });
  const jobs = await jobsOf(door, body.id);
  expect(jobs.map(textOf)).toEqual(["c", "d"]);
  expect(jobs.map(({ expires_at, due_at }) => expires_at - due_at)).toEqual([60_000, 60_000]);
});

test("fills items up from the defaults, in params too, and an item's own word counts", async () => {
  const door = await openDoor();
  const tenant = await door.tenant();
  const { account_id } = tenant;
  const run_at = "2026-11-24T12:00:00.000Z";
  const { body } = await post(door, tenant, {
    defaults: { account_id, run_at, expires_after_s: 3600, metadata: { campaign: 1 } },
    items: [
      { text: "a" },
      { text: "b", run_at: "2026-11-25T12:00:00.000Z", expires_at: "2026-11-26T12:00:00.000Z" },
      { kind: "tweet.delete", params: { tweet_id: "12" }, metadata: { campaign: 2 } },
      { kind: "tweet.delete", tweet_id: "13" },
    ],
  });
  expect(body).toMatchObject({ accepted: 4, first_due_at: run_at, last_due_at: "2026-11-25T12:00:00.000Z" });
  const jobs = await jobsOf(door, body.id);
  expect(jobs.map((job) => [job.kind, job.metadata, job.expires_at - job.due_at])).toEqual([
    ["tweet.create", '{"campaign":1}', 3_600_000],
    ["tweet.create", '{"campaign":1}', DAY_MS],
    ["tweet.delete", '{"campaign":2}', 3_600_000],
    ["tweet.delete", '{"campaign":1}', 3_600_000],
  ]);
});

test("takes all or none when it is to be atomic", async () => {
  const door = await openDoor();
  const tenant = await door.tenant();
  const { account_id } = tenant;
  const refused = await post(door, tenant, {
    atomic: true,
    items: [{ account_id, text: "a" }, { text: "b" }],
  });
  expect(refused.status).toBe(422);
  expect(mistakes(refused.body)).toEqual(["/items/1/account_id required"]);
  expect((await door.call("GET", "/v1/jobs", { key: tenant.key })).body.data).toEqual([]);
  const taken = await post(door, tenant, { atomic: true, items: [{ account_id, text: "a" }] });
  expect(taken.body).toMatchObject({ accepted: 1 });
});

test("refuses a batch of which nothing is good, with what is wrong", async () => {
  const door = await openDoor();
  const tenant = await door.tenant();
  const { status, body } = await post(
    door,
    tenant,
    { items: [{ text: "a" }, 7] },
    { "idempotency-key": "k" },
  );
  expect(status).toBe(422);
  expect(mistakes(body)).toEqual(["/items/0/account_id required", "/items/1 invalid_type"]);
  const again = await post(
    door,
    tenant,
    { items: [{ account_id: tenant.account_id, text: "a" }] },
    { "idempotency-key": "k" },
  );
  expect(again.status).toBe(202);
});

test.each([
  ["no items", {}, "/items required"],
  ["items that are no list", { items: "x" }, "/items invalid_type"],
  ["none", { items: [] }, "/items too_small"],
  ["too many", { items: Array(10_001).fill(0) }, "/items too_big"],
  ["unknown fields", { items: [1], more: 1 }, "/more unknown_field"],
])("refuses %s", async (_, body, mistake) => {
  const door = await openDoor();
  const answer = await post(door, await door.tenant(), body);
  expect(answer.status).toBe(422);
  expect(mistakes(answer.body)).toEqual([mistake]);
});

test("the same key and body find the same batch, another body is refused", async () => {
  const door = await openDoor();
  const tenant = await door.tenant();
  const headers = { "idempotency-key": "once" };
  const soon = new Date(door.now() + 60_000).toISOString();
  const body = { items: [{ account_id: tenant.account_id, text: "a", expires_at: soon }, { text: "bad" }] };
  const first = await post(door, tenant, body, headers);
  door.advance(120_000);
  const second = await post(door, tenant, body, headers);
  expect(second.status).toBe(202);
  expect(second.headers.get("idempotent-replayed")).toBe("true");
  expect(second.body).toMatchObject({ id: first.body.id, rejected: first.body.rejected });
  expect(await jobsOf(door, first.body.id)).toHaveLength(1);
  const third = await post(door, tenant, { ...body, atomic: false }, headers);
  expect(third.body).toMatchObject({ status: 422, code: "idempotency_mismatch" });
  const elsewhere = await tenant.post({}, headers);
  expect(elsewhere.body).toMatchObject({ status: 422, code: "idempotency_mismatch" });
});

test("warns of a text that comes twice, of links, and of long texts", async () => {
  const door = await openDoor();
  const tenant = await door.tenant();
  const { body } = await post(door, tenant, {
    defaults: { account_id: tenant.account_id },
    items: [{ text: "same" }, { text: "see example.com" }, { text: " same" }, { text: "long ".repeat(60) }],
  });
  expect(body.warnings).toEqual({ contains_url: 1, duplicate_text: 1, needs_premium: 1 });
  const { data } = (await door.call("GET", "/v1/jobs", { key: tenant.key })).body;
  expect(data.map((job) => (job.warnings as { code: string }[]).map(({ code }) => code)).reverse()).toEqual([
    [],
    ["contains_url"],
    ["duplicate_text"],
    ["needs_premium"],
  ]);
});

test("reaches over databases, whichever the client's own is, and atomic over one alone", async () => {
  const door = await openDoor();
  const client = await door.client({ shard: "1" });
  const [zero, one] = [
    await door.account(client.id, { shard: "0" }),
    await door.account(client.id, { shard: "1" }),
  ];
  const items = [zero, one, zero].map((account_id, index) => ({ account_id, text: `tweet ${index}` }));
  const { body } = await post(door, client, { items });
  expect(body).toMatchObject({ accepted: 3, accounts: 2, counts: { queued: 3 } });
  expect((await jobsOf(door, body.id)).map(textOf)).toEqual(["tweet 0", "tweet 1", "tweet 2"]);
  const refused = await post(door, client, { items, atomic: true });
  expect(mistakes(refused.body)).toEqual(["/atomic several_databases"]);
  const far = await post(door, client, {
    items: items.filter(({ account_id }) => account_id === zero),
    atomic: true,
  });
  expect(far.body).toMatchObject({ accepted: 2 });
});

test("a commit whose answer is lost is sent again, and makes one batch", async () => {
  const door = await openDoor();
  const tenant = await door.tenant();
  let failures = 0;
  door.breakDatabases((sql) =>
    sql.includes("INSERT INTO batches") && ++failures < 3
      ? new Error("D1_ERROR: Network connection lost.")
      : null,
  );
  const { body } = await post(door, tenant, { items: [{ account_id: tenant.account_id, text: "a" }] });
  expect(await jobsOf(door, body.id)).toHaveLength(1);
  await door.settled();
  expect(door.messages).toHaveLength(1);
});

test("what a failure left out on another database is written when the same is sent again", async () => {
  const door = await openDoor();
  const client = await door.client();
  const accounts = [await door.account(client.id), await door.account(client.id, { shard: "1" })];
  const body = { items: accounts.map((account_id) => ({ account_id, text: "a" })) };
  const headers = { "idempotency-key": "k" };
  let inserts = 0;
  door.breakDatabases((sql) =>
    sql.includes("INSERT INTO batch_parts") && ++inserts % 2 === 0
      ? new Error("D1_ERROR: Network connection lost.")
      : null,
  );
  expect((await post(door, client, body, headers)).status).toBe(503);
  door.breakDatabases(() => null);
  const again = await post(door, client, body, headers);
  expect(again.body).toMatchObject({ accepted: 2, counts: { queued: 2 } });
  expect(await jobsOf(door, again.body.id)).toHaveLength(2);
});

test("keys that reach some accounts take and see the batches of these alone", async () => {
  const door = await openDoor();
  const tenant = await door.tenant();
  const second = await door.account(tenant.id);
  const narrow = await door.key(tenant.id, { account_ids: [second] });
  const items = [tenant.account_id, second].map((account_id) => ({ account_id, text: "a" }));
  const { body } = await post(door, { key: narrow }, { items });
  expect(body).toMatchObject({ accepted: 1, rejected: [{ index: 0, errors: [{ code: "not_granted" }] }] });
  door.advance(1);
  const whole = await post(door, tenant, { items });
  const seen = await door.call("GET", `/v1/batches/${whole.body.id}`, { key: narrow });
  expect(seen.body.counts).toMatchObject({ queued: 1 });
  const foreign = await post(door, tenant, { items: items.slice(0, 1) });
  expect((await door.call("GET", `/v1/batches/${foreign.body.id}`, { key: narrow })).status).toBe(404);
  const { data } = (await door.call("GET", "/v1/batches", { key: narrow })).body;
  expect(data.map(({ id }) => id)).toEqual([whole.body.id, body.id]);
});

test("10,000 items go in as one, in parameters that D1 takes", async () => {
  const door = await openDoor();
  const tenant = await door.tenant();
  const items = Array.from({ length: 10_000 }, (_, index) => ({
    text: `A tweet like many others. ${"é".repeat(60)} ${index}`,
  }));
  const { body } = await post(door, tenant, { defaults: { account_id: tenant.account_id }, items });
  expect(body).toMatchObject({ accepted: 10_000, counts: { queued: 10_000 } });
});
