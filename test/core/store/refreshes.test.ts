import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { states, steps, type State } from "#core/lib/lifecycle";
import type { JobRow } from "#core/store/jobs";
import * as refreshes from "#core/store/refreshes";
import type { RefreshAsk } from "#core/store/refreshes";
import { all } from "#core/store/sql";
import { accountRow, empty, jobIn, NOW, put } from "../../support/rows.ts";

const db = env.DB;
const ask = (change: Partial<RefreshAsk> = {}): RefreshAsk => ({
  client_id: "cli_1",
  account_id: "acc_1",
  token_version: 3,
  job_id: "job_1",
  kind: "token.refresh",
  lane: "refresh:acc_1",
  gates: "[]",
  max_attempts: 5,
  expires_after_ms: 1000,
  ...change,
});
const asked = (...asks: RefreshAsk[]) => refreshes.ask(db, NOW, asks).run();
const found = () => all<JobRow>(db.prepare("SELECT * FROM jobs ORDER BY id"));

beforeEach(async () => {
  await empty(db);
  await put(db, "accounts", accountRow({ token_version: 3 }));
});

test("a refresh is a job on its account's own lane, due now, for one version", async () => {
  await asked(ask());
  expect(await found()).toEqual([
    {
      ...jobIn("queued", { kind: "token.refresh", lane: "refresh:acc_1", due_at: NOW, attempts: 0 }),
      created_at: NOW,
      params: '{"account_id":"acc_1","version":3}',
    },
  ]);
});

test("however many ask, there is one job a version", async () => {
  await asked(ask(), ask());
  await asked(ask());
  expect(await found()).toHaveLength(1);
});

test.each([
  ["a version that has moved", { token_version: 2 }],
  ["a version that is not yet", { token_version: 4 }],
  ["another client's account", { client_id: "cli_2" }],
  ["an account that is not there", { account_id: "acc_2" }],
])("%s needs none", async (_, change) => {
  await asked(ask(change));
  expect(await found()).toEqual([]);
});

test.each(["reconnect_required", "disconnected"])("an account that is %s needs none", async (state) => {
  await db.prepare("UPDATE accounts SET state = ?").bind(state).run();
  await asked(ask());
  expect(await found()).toEqual([]);
});

describe("a refresh that is there already", () => {
  const since = (state: State, ago: number) =>
    put(db, "jobs", {
      ...jobIn(state, {
        kind: "token.refresh",
        lane: "refresh:acc_1",
        params: '{"account_id":"acc_1"}',
        crashes: 2,
      }),
      ...((["succeeded", "failed", "dead", "canceled"] as State[]).includes(state) && {
        finished_at: NOW - ago,
      }),
    });

  test.each(
    states.map((state) => ({ state, legal: (steps.renew.from as readonly State[]).includes(state) })),
  )("is queued again from $state: $legal", async ({ state, legal }) => {
    await since(state, 60_000);
    const before = await found();
    await asked(ask());
    const [job] = await found();
    if (!legal) expect(await found()).toEqual(before);
    else expect(job).toMatchObject({ state: "queued", open: 1, attempts: 0, crashes: 0, due_at: NOW });
  });

  test("is left alone within a minute of its end", async () => {
    await since("dead", 59_999);
    await asked(ask());
    expect((await found())[0]?.state).toBe("dead");
  });
});
