import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { insertFrom, NEW_COLUMNS, type NewJob } from "#core/store/new-jobs";
import { rowsIn } from "#core/store/sql";
import { createHarness } from "../../support/harness.ts";

test("of the rows those are taken that are joined, once each", async () => {
  const h = await createHarness();
  const account_id = await h.account();
  const job = (id: string): NewJob => ({
    client_id: h.clientId,
    id,
    kind: "tweet.create",
    account_id,
    lane: `tweets:${account_id}`,
    ordered: 1,
    max_attempts: 5,
    params: "{}",
    cost_estimated: 0,
    created_at: 1,
    run_at: null,
    expires_at: null,
    expires_after_ms: 10,
    metadata: null,
  });
  const jobs = [job("job_1"), job("job_2"), job("job_3")];
  const rows = rowsIn("?2", NEW_COLUMNS, jobs.length);
  const join = `JOIN (SELECT 'job_1' AS id UNION SELECT 'job_3') AS wanted ON wanted.id = j.id`;
  for (let sent = 0; sent < 2; sent++) await insertFrom(env.DB, 100, rows, join, JSON.stringify(jobs)).run();
  const { results } = await env.DB.prepare("SELECT id, due_at, expires_at FROM jobs ORDER BY id").all();
  expect(results).toEqual([
    { id: "job_1", due_at: 100, expires_at: 110 },
    { id: "job_3", due_at: 100, expires_at: 110 },
  ]);
});
