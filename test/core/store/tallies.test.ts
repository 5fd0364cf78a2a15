import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import * as tallies from "#core/store/tallies";
import type { Counts } from "#core/store/tallies";
import { all } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { empty, jobIn, NOW, put, putLane } from "../../support/rows.ts";

const db = strict(env.DB);

beforeEach(async () => {
  await empty(env.DB);
});

const counted = async (): Promise<Record<string, Counts>> =>
  Object.fromEntries(
    (await all<{ name: string; counts: string }>(tallies.all(db))).map(({ name, counts }) => [
      name,
      JSON.parse(counts) as Counts,
    ]),
  );

const LEASE = "lse_1";
const [ONE, TWO] = ["tweets:acc_1", "tweets:acc_2"];
const held = (lane: string, lease = LEASE) => putLane(env.DB, { lane, lease, leased_until: NOW });
const add = (...some: [lane: string, counts: Counts][]) =>
  tallies
    .add(
      db,
      some.map(([lane, counts]) => ({ lane, counts })),
      LEASE,
    )
    .run();

describe("what the jobs of lanes did", () => {
  test("is added to what was there, in one row written and few read, however many keys there are", async () => {
    await held(ONE);
    await held(TWO);
    const many = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [`calls|POST /2/x${index}|2xx`, index + 1]),
    );
    await add([ONE, { a: 1, b: 2 }]);
    const { meta } = await add([ONE, { b: 1, ...many }], [TWO, { b: 4, c: 1 }]);
    expect(await counted()).toEqual({ jobs: { a: 1, b: 7, c: 1, ...many } });
    expect(meta.rows_written).toBe(1);
    expect(meta.rows_read).toBeLessThanOrEqual(5);
  });

  test("is not counted of a lane that is another's or nobody's, so that a commit may be sent again", async () => {
    await held(ONE, "lse_2");
    await add([ONE, { a: 1 }]);
    await add([TWO, { a: 1 }]);
    expect(await counted()).toEqual({});
    await held(TWO);
    await add([ONE, { a: 1, b: 1 }], [TWO, { a: 2 }]);
    expect((await counted()).jobs).toMatchObject({ a: 2 });
    expect((await counted()).jobs?.b ?? 0).toBe(0);
  });
});

describe("what a Worker had counted that died", () => {
  const carried = JSON.stringify({ a: 2, b: 1 });
  const crash = () =>
    env.DB.prepare(
      "UPDATE jobs SET state = 'waiting', lease = NULL, carried = NULL, crashes = crashes + 1",
    ).run();
  const take = () => env.DB.prepare("UPDATE lanes SET lease = 'lse_2', carried = NULL").run();

  test("is found on the job that it ran, and its run is counted as well", async () => {
    await putLane(env.DB, { lane: ONE, lease: LEASE, leased_until: NOW, carried: JSON.stringify({ a: 1 }) });
    await put(env.DB, "jobs", jobIn("running", { carried }));
    await crash();
    await take();
    expect((await counted()).jobs).toEqual({ a: 2, b: 1, "outcomes|tweet.create|crashed": 1 });
  });

  test("is found on the lane that it held, and added to what was there", async () => {
    await putLane(env.DB, { lane: ONE, lease: LEASE, leased_until: NOW, carried });
    await tallies.addLoose(db, "jobs", { b: 3 }).run();
    await take();
    expect((await counted()).jobs).toEqual({ a: 2, b: 4 });
    await take();
    expect((await counted()).jobs).toEqual({ a: 2, b: 4 });
  });
});

test("days that are over are forgotten, this one and the rest are not", async () => {
  await tallies.addLoose(db, "jobs", { "spend|1": 5, "spend|2": 7, a: 1 }).run();
  await tallies.addLoose(db, "producer", { a: 1 }).run();
  await tallies.forgetDays(db, "spend|", "spend|2").run();
  expect(await counted()).toEqual({ jobs: { "spend|2": 7, a: 1 }, producer: { a: 1 } });
});

describe("what no running job wrote", () => {
  const finish = (id: string, change: string) =>
    env.DB.prepare(`UPDATE jobs SET ${change} WHERE id = ?`).bind(id).run();
  const ENDED = "open = NULL, finished_at = 1, lease = NULL";

  test("is counted by a trigger: canceled, expired, buried", async () => {
    for (const id of ["job_1", "job_2"]) await put(env.DB, "jobs", jobIn("waiting", { id }));
    await put(env.DB, "jobs", jobIn("running", { id: "job_3" }));
    await finish("job_1", `state = 'canceled', ${ENDED}`);
    await finish("job_2", `state = 'failed', ${ENDED}`);
    await finish("job_3", `state = 'dead', crashes = 3, ${ENDED}`);
    expect((await counted()).jobs).toEqual({
      "ended|tweet.create|canceled": 1,
      "ended|tweet.create|failed": 1,
      "ended|tweet.create|dead": 1,
      "outcomes|tweet.create|crashed": 1,
    });
  });

  test("is where a running job that was to be canceled comes back", async () => {
    await put(env.DB, "jobs", jobIn("running", { id: "job_1" }));
    await finish("job_1", `state = 'canceled', ${ENDED}`);
    expect((await counted()).jobs).toEqual({ "ended|tweet.create|canceled": 1 });
  });

  test("is not where a running job ends by itself: its turn counts it", async () => {
    await put(env.DB, "jobs", jobIn("running", { id: "job_1" }));
    await finish("job_1", `state = 'succeeded', ${ENDED}`);
    expect(await counted()).toEqual({});
  });

  test("is counted when it had ended and goes on", async () => {
    await put(env.DB, "jobs", jobIn("dead", { id: "job_1", finished_at: 1 }));
    await finish("job_1", "state = 'queued', open = 1, finished_at = NULL");
    expect((await counted()).jobs).toEqual({ "redriven|tweet.create": 1 });
  });

  test.each(["token.refresh", "media.upload"])(
    "is counted where the engine itself asks for a %s",
    async (kind) => {
      await put(env.DB, "jobs", jobIn("waiting", { kind }));
      expect((await counted()).jobs).toEqual({ [`accepted|${kind}`]: 1 });
    },
  );
});
