import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { idFloor } from "#core/lib/ids";
import * as deadJobs from "#core/store/dead-jobs";
import type { DeadFilter, DeadOrder } from "#core/store/dead-jobs";
import type { JobRow } from "#core/store/jobs";
import { strict } from "../../support/database.ts";
import { empty, jobIn, NOW, put } from "../../support/rows.ts";

const db = strict(env.DB);
beforeEach(() => empty(env.DB));

const ANY: DeadFilter = { from: "", before: "job_~", kind: null, account_id: null, code: null, ids: null };
const ALL = { hidden: [], accounts: null };

const found = async (
  filter: Partial<DeadFilter> = {},
  scope = ALL as Parameters<typeof deadJobs.list>[3],
) => {
  const of = { columns: "id, kind", order: "oldest", limit: 100 } as const;
  const { results } = await deadJobs.list(db, "cli_1", { ...ANY, ...filter }, scope, of).all<JobRow>();
  return results.map(({ id }) => id);
};

/** Jobs in one state, by the thousand. */
const fill = (state: "dead" | "succeeded", count: number, from: string) =>
  env.DB.prepare(
    `INSERT INTO jobs (client_id, id, kind, account_id, lane, ordered, state, open, due_at, expires_at, max_attempts, params, error,
                       created_at, finished_at)
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
     SELECT 'cli_1', ?3 || printf('%012d', i) || '0', 'tweet.create', 'acc_1', 'tweets:acc_1', 1, ?1, NULL, 1, 2, 5, '{}',
            '{"code":"poison"}', 1, 1 FROM n`,
  )
    .bind(state, count, from)
    .run();

describe("a list of dead jobs", () => {
  test("has those alone that we gave up on, and each that the filter wants", async () => {
    const dead = (id: string, change: Partial<JobRow> = {}) =>
      put(env.DB, "jobs", jobIn("dead", { id, error: '{"code":"poison"}', ...change }));
    for (const state of [
      "queued",
      "waiting",
      "running",
      "unknown",
      "succeeded",
      "failed",
      "canceled",
    ] as const)
      await put(env.DB, "jobs", jobIn(state, { id: `job_0${state}` }));
    await dead("job_1");
    await dead("job_2", { kind: "tweet.delete" });
    await dead("job_3", { account_id: "acc_2", error: '{"code":"attempts_exhausted"}' });
    await dead("job_4", { client_id: "cli_2" });
    await dead("job_5", { error: null });
    expect(await found()).toEqual(["job_1", "job_2", "job_3", "job_5"]);
    expect(await found({ kind: "tweet.delete" })).toEqual(["job_2"]);
    expect(await found({ account_id: "acc_2" })).toEqual(["job_3"]);
    expect(await found({ code: "poison" })).toEqual(["job_1", "job_2"]);
    expect(await found({ from: "job_2", before: "job_3" })).toEqual(["job_2"]);
    expect(await found({ ids: ["job_3", "job_4", "job_0queued", "job_9"] })).toEqual(["job_3"]);
    expect(await found({ ids: ["job_3"], code: "poison" })).toEqual([]);
    expect(await found({}, { hidden: ["tweet.delete"], accounts: null })).toEqual([
      "job_1",
      "job_3",
      "job_5",
    ]);
    expect(await found({}, { hidden: [], accounts: ["acc_2"] })).toEqual(["job_3"]);
    expect(await found({}, { hidden: [], accounts: [] })).toEqual([]);
  });

  test.each<[DeadOrder, string]>([
    ["newest", "DESC"],
    ["oldest", "ASC"],
  ])("the %s first reads no row of a job that is not dead, and no more than its page", async (order) => {
    await fill("succeeded", 20_000, idFloor("job", NOW));
    await fill("dead", 3_000, idFloor("job", NOW + 1));
    await fill("succeeded", 20_000, idFloor("job", NOW + 2));
    const of = { columns: "*", order, limit: 21 } as const;
    const { meta, results } = await deadJobs.list(db, "cli_1", ANY, ALL, of).run<JobRow>();
    expect(results).toHaveLength(21);
    expect(meta.rows_read).toBeLessThanOrEqual(3 * 21);
    const ids = { ...ANY, ids: results.map(({ id }) => id) };
    expect((await deadJobs.list(db, "cli_1", ids, ALL, of).run()).meta.rows_read).toBeLessThanOrEqual(6 * 21);
  });

  test("by a rare filter stops after so many, and says where", async () => {
    await fill("dead", deadJobs.DEAD_EXAMINES + 10, idFloor("job", NOW));
    const of = { columns: "*", order: "newest", limit: 21 } as const;
    const rare = { ...ANY, code: "unreadable" };
    const { meta, results } = await deadJobs.list(db, "cli_1", rare, ALL, of).run();
    expect(results).toEqual([]);
    expect(meta.rows_read).toBeLessThanOrEqual(2 * deadJobs.DEAD_EXAMINES + 10);
    const edge = await deadJobs.edge(db, "cli_1", rare, "newest").first<{ id: string }>();
    expect(edge?.id).toBe(`${idFloor("job", NOW)}${"11".padStart(12, "0")}0`);
    expect(
      await deadJobs.edge(db, "cli_1", { ...rare, before: edge?.id ?? "" }, "newest").first(),
    ).toBeNull();
  });
});

test("no job costs a row more for the index, but one that dies", async () => {
  const settle = (state: string) =>
    env.DB.prepare("UPDATE jobs SET state = ?, open = NULL, finished_at = 1, lease = NULL").bind(state).run();
  const written: number[] = [];
  for (const state of ["succeeded", "failed", "dead"] as const) {
    await empty(env.DB);
    await put(env.DB, "jobs", jobIn("running"));
    written.push((await settle(state)).meta.rows_written);
  }
  const [succeeded = 0, failed, dead] = written;
  expect([failed, dead]).toEqual([succeeded, succeeded + 1]);
});
