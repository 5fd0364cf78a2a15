import { env } from "cloudflare:workers";
import parse from "parse-prometheus-text-format";
import { describe, expect, test } from "vitest";
import * as tallies from "#core/store/tallies";
import { ADMIN_KEY, openDoor, type Door } from "../support/door.ts";
import { jobIn, put } from "../support/rows.ts";

const scrape = async (door: Door, key: string = ADMIN_KEY) => {
  const answer = await door.ask("GET", "/metrics", { key });
  const text = await answer.text();
  return { status: answer.status, text, rows_read: Number(answer.headers.get("x-rows-read")) };
};

/** The value of a metric, of the one with these labels. */
function valueOf(text: string, name: string, labels: Record<string, string> = {}): number | null {
  const found = parse(text)
    .find((metric) => metric.name === name)
    ?.metrics.find((one) => Object.entries(labels).every(([label, value]) => one.labels?.[label] === value));
  return found ? Number(found.value) : null;
}

describe("who may scrape", () => {
  test("is whoever has metrics:read, or the admin key", async () => {
    const door = await openDoor();
    const { id } = await door.client();
    expect((await scrape(door, await door.key(id, { scopes: ["metrics:read"] }))).status).toBe(200);
    expect((await scrape(door)).status).toBe(200);
    expect((await scrape(door, await door.key(id, { scopes: ["jobs:read"] }))).status).toBe(403);
    expect((await door.ask("GET", "/metrics")).status).toBe(401);
  });
});

describe("what is counted", () => {
  test("is what was taken, by kind, singly and in batches, and once however often it is asked for", async () => {
    const door = await openDoor();
    const { key, account_id, post } = await door.tenant();
    for (const _ of [1, 2]) await post({}, { "idempotency-key": "same" });
    door.advance(10_000);
    await door.call("POST", "/v1/batches", {
      key,
      body: { defaults: { account_id }, items: [{ text: "a" }, { text: "b" }] },
    });
    await door.settled();
    const { text } = await scrape(door);
    expect(valueOf(text, "tap_jobs_accepted_total", { kind: "tweet.create" })).toBe(3);
    expect(valueOf(text, "tap_jobs_open", { queue: "tweets" })).toBe(3);
  });

  test("is what was canceled, and is open no more", async () => {
    const door = await openDoor();
    const { key, post } = await door.tenant();
    const { body } = await post();
    await door.call("POST", `/v1/jobs/${body.id}/cancel`, { key });
    const { text } = await scrape(door);
    expect(valueOf(text, "tap_jobs_ended_total", { kind: "tweet.create", state: "canceled" })).toBe(1);
    expect(valueOf(text, "tap_jobs_open", { queue: "tweets" })).toBe(0);
  });

  test("is summed over all databases", async () => {
    const door = await openDoor();
    const counts = { "ended|tweet.create|succeeded": 2, "calls|POST /2/tweets|2xx": 2 };
    for (const db of [env.DB, env.DB_1]) await tallies.addLoose(db, "jobs", counts).run();
    const { text } = await scrape(door);
    expect(valueOf(text, "tap_jobs_ended_total", { kind: "tweet.create", state: "succeeded" })).toBe(4);
    expect(valueOf(text, "tap_x_calls_total", { endpoint: "POST /2/tweets", class: "2xx" })).toBe(4);
  });

  test("is how long taking a job took", async () => {
    const door = await openDoor();
    const { post } = await door.tenant();
    for (const text of ["a", "b"]) {
      await post({ text });
      door.advance(10_000);
    }
    await door.settled();
    const { text } = await scrape(door);
    const metric = parse(text).find(({ name }) => name === "tap_accept_seconds");
    expect(metric).toMatchObject({ type: "HISTOGRAM", metrics: [{ count: "2" }] });
  });
});

describe("what stands still", () => {
  test("is told: lanes that are due and since when, closed gates, parts of X, dead letters", async () => {
    const door = await openDoor();
    const { account_id, post } = await door.tenant();
    await post();
    await put(env.DB, "jobs", jobIn("dead", { id: "job_dead", open: null }));
    await put(env.DB, "gates", {
      name: "x:tweets",
      open_at: door.now() + 60_000,
      reason: "x_unavailable",
      faults: 10,
      shut_at: door.now(),
      updated_at: 1,
    });
    await env.DB.prepare("UPDATE accounts SET state = 'reconnect_required' WHERE id = ?")
      .bind(account_id)
      .run();
    door.advance(30_000);
    const { text } = await scrape(door);
    expect(valueOf(text, "tap_jobs_due_lanes", { queue: "tweets" })).toBe(1);
    expect(valueOf(text, "tap_jobs_oldest_due_seconds", { queue: "tweets" })).toBe(30);
    expect(valueOf(text, "tap_gates_closed", { reason: "x_unavailable" })).toBe(1);
    expect(valueOf(text, "tap_x_part_up", { part: "tweets" })).toBe(0);
    expect(valueOf(text, "tap_x_part_up", { part: "oauth" })).toBe(1);
    expect(valueOf(text, "tap_dead_letters")).toBe(1);
    expect(valueOf(text, "tap_accounts_to_reconnect")).toBe(1);
  });

  test("is what is left of windows: the least of the accounts', and the apps'", async () => {
    const door = await openDoor();
    const { post } = await door.tenant();
    await post();
    await env.DB.prepare("UPDATE lanes SET window = ?")
      .bind(JSON.stringify({ limit: 100, remaining: 7, resets_at: door.now() + 60_000 }))
      .run();
    await put(env.DB, "allowances", {
      name: "app:app_default:POST /2/tweets",
      limit: null,
      used: 400,
      since: 1,
      late_from: 1,
      resets_at: door.now() + 60_000,
    });
    const { text } = await scrape(door);
    expect(valueOf(text, "tap_x_window_remaining", { endpoint: "POST /2/tweets" })).toBe(7);
    const app = { app: "app_default", endpoint: "POST /2/tweets" };
    expect(valueOf(text, "tap_app_window_remaining", app)).toBe(9_600);
  });
});

test("reads no more rows, however many jobs have ended", async () => {
  const door = await openDoor();
  const { post } = await door.tenant();
  await post();
  const few = (await scrape(door)).rows_read;
  await env.DB.prepare(
    `INSERT INTO jobs (client_id, id, kind, account_id, lane, ordered, state, due_at, expires_at, max_attempts, params, created_at, finished_at)
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
     SELECT 'cli_many', 'job_' || i, 'tweet.create', 'acc_many', 'tweets:acc_many', 1, 'succeeded', 1, 2, 5, '{}', 1, 2 FROM n`,
  ).run();
  expect((await scrape(door)).rows_read).toBe(few);
  expect(few).toBeLessThan(60);
});
