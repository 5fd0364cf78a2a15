import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { idFloor } from "#core/lib/ids";
import { LIST_EXAMINES, type JobRow } from "#core/store/jobs";
import { merge } from "../../src/list-jobs.ts";
import { mistakes, openDoor, type Body, type Door } from "../support/door.ts";

/** Every page of a list, from the first to the last. */
async function walk(door: Door, key: string, query = ""): Promise<{ pages: Body[][]; ids: string[] }> {
  const pages: Body[][] = [];
  let cursor = "";
  for (let i = 0; i < 100; i++) {
    const { status, body } = await door.call("GET", `/v1/jobs?${query}${cursor}`, { key });
    expect(status).toBe(200);
    pages.push(body.data);
    expect(body.has_more).toBe(body.next_cursor !== null);
    if (body.next_cursor === null) return { pages, ids: pages.flat().map((job) => job.id) };
    cursor = `&cursor=${body.next_cursor as string}`;
  }
  throw new Error("the list has no end");
}

/** Jobs of one client on both databases, one a second; returns their ids, the newest first. */
async function manyJobs(door: Door, count: number) {
  const { id, key, account_id } = await door.tenant();
  const accounts = [account_id, await door.account(id, { shard: "1" })];
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const of = accounts[i % 3 === 0 ? 1 : 0];
    const { body } = await door.call("POST", "/v1/tweets", {
      key,
      body: { account_id: of, text: `tweet ${i}` },
    });
    ids.unshift(body.id);
    door.advance(1000);
  }
  return { id, key, accounts, ids };
}

describe("a walk over two databases", () => {
  test.each([1, 2, 3, 7, 20, 100])("by pages of %i sees every job once, the newest first", async (limit) => {
    const door = await openDoor();
    const { key, ids } = await manyJobs(door, 20);
    const walked = await walk(door, key, `limit=${limit}`);
    expect(walked.ids).toEqual(ids);
    for (const page of walked.pages) expect(page.length).toBeLessThanOrEqual(limit);
  });

  test("is not disturbed by jobs that come meanwhile", async () => {
    const door = await openDoor();
    const { key, accounts, ids } = await manyJobs(door, 6);
    const first = await door.call("GET", "/v1/jobs?limit=3", { key });
    await door.call("POST", "/v1/tweets", { key, body: { account_id: accounts[0], text: "new" } });
    const rest = await door.call("GET", `/v1/jobs?limit=3&cursor=${first.body.next_cursor as string}`, {
      key,
    });
    expect([...first.body.data, ...rest.body.data].map((job) => job.id)).toEqual(ids);
  });

  test("takes 20 when nobody says how many", async () => {
    const door = await openDoor();
    const { key, ids } = await manyJobs(door, 21);
    const { body } = await door.call("GET", "/v1/jobs", { key });
    expect(body.data).toHaveLength(20);
    expect(body.next_cursor).toBe(ids[19]);
  });

  test("by a rare filter goes on past what one page may look at", async () => {
    const door = await openDoor();
    const { id, key, account_id, post } = await door.tenant();
    const other = await door.account(id, { shard: "1" });
    const old = (await post({ text: "the rare one" })).body.id;
    const there = (await door.call("POST", "/v1/tweets", { key, body: { account_id: other, text: "there" } }))
      .body.id;
    await door.setJob(old, { state: "failed", open: null, finished_at: door.now() });
    await door.setJob(there, { state: "failed", open: null, finished_at: door.now() });
    door.advance(1000);
    await env.DB.prepare(
      `INSERT INTO jobs (client_id, id, kind, account_id, lane, ordered, state, open, due_at, expires_at, max_attempts, params, created_at)
       WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?4)
       SELECT ?1, ?2 || printf('%012d', i) || '0', 'tweet.create', ?3, 'tweets:' || ?3, 1, 'queued', 1, 1, 9e15, 5, '{}', 1 FROM n`,
    )
      .bind(id, idFloor("job", door.now()), account_id, LIST_EXAMINES + 10)
      .run();
    const walked = await walk(door, key, "state=failed");
    expect(walked.ids).toEqual([old, there].sort().reverse());
    expect(walked.pages[0]).toEqual([]);
    expect((await walk(door, key, "state=dead")).ids).toEqual([]);
  });
});

describe("a filter", () => {
  test("by state finds each job under the state that it is shown with", async () => {
    const door = await openDoor();
    const { key, post } = await door.tenant();
    const made = new Map<string, string>();
    const put = async (name: string, columns: Partial<JobRow>, run_at?: string) => {
      const { body } = await post({ run_at });
      await door.setJob(body.id, columns);
      made.set(name, body.id);
      door.advance(1);
    };
    const ended = { open: null, finished_at: door.now() };
    await put("queued", {});
    await put("scheduled", {}, "2026-12-01T00:00:00Z");
    await put("waiting", { state: "waiting" });
    await put("running", { state: "running", lease: "lse_x" });
    await put("unknown", { state: "unknown" });
    for (const state of ["succeeded", "failed", "dead", "canceled"] as const)
      await put(state, { state, ...ended });
    for (const [state, id] of made) {
      const { body } = await door.call("GET", `/v1/jobs?state=${state}`, { key });
      expect(body.data, state).toMatchObject([{ id, state }]);
    }
  });

  test("by account, kind and batch finds what has them", async () => {
    const door = await openDoor();
    const { key, accounts, ids } = await manyJobs(door, 6);
    const [here, there] = await Promise.all(accounts.map((one) => walk(door, key, `account_id=${one}`)));
    expect([here?.ids.length, there?.ids.length]).toEqual([4, 2]);
    expect((await walk(door, key, "kind=tweet.create")).ids).toEqual(ids);
    for (const none of [
      "kind=tweet.delete",
      "kind=nope",
      "batch_id=bat_1",
      "account_id=acc_1",
      "kind=%00",
      "kind=%27",
    ])
      expect((await walk(door, key, none)).ids, none).toEqual([]);
  });

  test("by time takes from one moment to before another", async () => {
    const door = await openDoor();
    const { key, ids } = await manyJobs(door, 5);
    const at = (s: number) => new Date(Date.UTC(2026, 10, 23, 12) + s * 1000).toISOString();
    const between = await walk(door, key, `created_after=${at(1)}&created_before=${at(4)}&limit=2`);
    expect(between.ids).toEqual(ids.slice(1, 4));
    expect((await walk(door, key, `created_before=${at(0)}`)).ids).toEqual([]);
    expect((await walk(door, key, `created_after=${at(5)}`)).ids).toEqual([]);
    expect((await walk(door, key, `created_after=${at(4)}&created_before=${at(1)}`)).ids).toEqual([]);
    const odd = "created_after=0000-01-01T00:00:00Z&created_before=9999-12-31T23:59:59Z";
    expect((await walk(door, key, odd)).ids).toEqual(ids);
  });
});

test.each([
  ["limit=0", "limit too_small"],
  ["limit=101", "limit too_big"],
  ["limit=-1", "limit too_small"],
  ["limit=1.5", "limit invalid_type"],
  ["limit=", "limit too_small"],
  ["limit=ten", "limit invalid_type"],
  ["limit=1e400", "limit invalid_type"],
  ["cursor=", "cursor invalid"],
  ["cursor=job_1", "cursor invalid"],
  ["cursor=acc_01KAB3C4D5V1StGXR8Z5jd0", "cursor invalid"],
  ["state=done", "state invalid_value"],
  ["state=", "state invalid_value"],
  ["state=queued,running", "state invalid_value"],
  ["created_after=yesterday", "created_after invalid_format"],
  ["created_before=2026-11-23", "created_before invalid_format"],
  ["created_before=2026-11-23T12:00:00", "created_before invalid_format"],
  [`kind=${"x".repeat(65)}`, "kind too_big"],
  ["client_id=cli_1", "client_id unknown_field"],
  ["limit=5&limit=5", "limit repeated"],
  ["limit=0&state=x&cursor=y", "cursor invalid,limit too_small,state invalid_value"],
])("the query %s is refused: %s", async (query, mistake) => {
  const door = await openDoor();
  const { key } = await door.client();
  const { status, body } = await door.call("GET", `/v1/jobs?${query}`, { key });
  expect(status).toBe(400);
  expect(mistakes(body).join()).toBe(mistake);
});

test("jobs of internal kinds, of other clients and behind other cursors are not seen", async () => {
  const door = await openDoor();
  const mine = await manyJobs(door, 3);
  const theirs = await manyJobs(door, 3);
  await door.setJob(mine.ids[1] ?? "", { kind: "token.refresh" });
  expect((await walk(door, mine.key)).ids).toEqual([mine.ids[0], mine.ids[2]]);
  expect((await walk(door, mine.key, `cursor=${theirs.ids[0] ?? ""}`)).ids).toEqual([
    mine.ids[0],
    mine.ids[2],
  ]);
});

test("jobs are listed as they are read one by one, with the gates they are behind", async () => {
  const door = await openDoor();
  const { key, accounts } = await manyJobs(door, 4);
  for (const account of accounts)
    await door.closeGate(account, `account:${account}`, `for ${account}`, door.now() + 60_000);
  const { body } = await door.call("GET", "/v1/jobs", { key });
  for (const job of body.data) {
    expect(job.blocked_on).toMatchObject({ reason: `for ${job.account_id as string}` });
    expect((await door.call("GET", `/v1/jobs/${job.id}`, { key })).body).toEqual(job);
  }
});

describe("merge", () => {
  const rows = (...ids: string[]) => ids.map((id) => ({ id }) as JobRow);
  const merged = (parts: Parameters<typeof merge>[0], limit: number) => {
    const { rows, next_cursor } = merge(parts, limit);
    return [rows.map(({ id }) => id).join(""), next_cursor];
  };

  test.each<[string, Parameters<typeof merge>[0], number, [string, string | null]]>([
    ["nothing at all", [], 2, ["", null]],
    [
      "less than a page",
      [
        { rows: rows("b"), floor: null },
        { rows: rows("a"), floor: null },
      ],
      2,
      ["ba", null],
    ],
    [
      "more than a page",
      [
        { rows: rows("d", "b"), floor: null },
        { rows: rows("c"), floor: null },
      ],
      2,
      ["dc", "c"],
    ],
    [
      "a floor that hides what is below",
      [
        { rows: rows("d", "a"), floor: null },
        { rows: rows("e"), floor: "c" },
      ],
      5,
      ["ed", "c"],
    ],
    [
      "the highest of two floors",
      [
        { rows: rows("d"), floor: "b" },
        { rows: rows("e"), floor: "c" },
      ],
      5,
      ["ed", "c"],
    ],
    [
      "a floor alone",
      [
        { rows: [], floor: "c" },
        { rows: [], floor: null },
      ],
      5,
      ["", "c"],
    ],
    [
      "a full page above the floor",
      [
        { rows: rows("f", "e", "d"), floor: null },
        { rows: [], floor: "c" },
      ],
      2,
      ["fe", "e"],
    ],
  ])("of %s", (_, parts, limit, expected) => {
    expect(merged(parts, limit)).toEqual(expected);
  });
});
