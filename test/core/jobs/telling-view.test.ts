import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { allKinds } from "#core/jobs/kinds/index";
import { tellingView } from "#core/jobs/telling-view";
import { jobSchema } from "#core/jobs/view";
import { batchSchema } from "#core/jobs/batch-view";
import type { TellingRow } from "#core/store/events";
import { all } from "#core/store/sql";
import { postBatch } from "../../support/batch.ts";
import { losingAnswers } from "../../support/database.ts";
import { createHarness, refused, tweeted } from "../../support/harness.ts";

test("a batch is told of once, behind its jobs, as the API shows it, also when every answer of D1 is lost", async () => {
  const h = await createHarness();
  await h.endpoint(["*"]);
  const accounts = await Promise.all([h.account(), h.account(), h.account()]);
  const id = await postBatch(h, accounts, () => ({}));
  let sent = 0;
  h.wrapDatabase((db) => losingAnswers(db, () => sent++ % 2 === 0));
  await h.turn();
  await h.pass(120_000);
  h.wrapDatabase((db) => db);
  // A delivery that could not be looked up is tried again by its schedule.
  await h.pass(600_000);
  const events = await all<TellingRow>(env.DB.prepare("SELECT *, '{}' AS params FROM events ORDER BY id"));
  const views = events.map((event) => tellingView(event, h.consumer.kinds));
  expect(views.map(({ type }) => type)).toEqual([
    ...Array<string>(3).fill("job.succeeded"),
    "batch.completed",
  ]);
  for (const { data } of views.slice(0, 3)) expect(jobSchema.parse(data).batch_id).toBe(id);
  expect(batchSchema.parse(views[3]?.data)).toMatchObject({
    id,
    state: "completed",
    accepted: 3,
    counts: { succeeded: 3, queued: 0 },
  });
  expect(h.receiver.types().filter((type) => type === "batch.completed")).toHaveLength(1);
});

const completed = async () =>
  (
    await all<TellingRow>(
      env.DB.prepare("SELECT *, '{}' AS params FROM events WHERE type = 'batch.completed' ORDER BY id"),
    )
  ).map((event) => tellingView(event, allKinds).data);

test("a batch is told of once when its last jobs end at the same moment in turns of their own", async () => {
  const h = await createHarness({ concurrency: 10 });
  await h.endpoint(["batch.*"]);
  const accounts = await Promise.all(Array.from({ length: 10 }, () => h.account()));
  const id = await postBatch(h, accounts);
  await Promise.all(accounts.map((account) => h.deliver([{ lane: `tweets:${account}` }])));
  expect(await completed()).toMatchObject([{ id, counts: { succeeded: 10 } }]);
  await h.pass(120_000);
  expect(h.receiver.types()).toEqual(["batch.completed"]);
});

test("a batch over two databases is told of once, with the jobs of both, and at once when it is known", async () => {
  const h = await createHarness({ sharded: true });
  await h.endpoint(["batch.*"]);
  const accounts = await Promise.all(
    (["0", "1", "0", "1", "1"] as const).map((shard) => h.account({ shard })),
  );
  h.answer(({ body }) => ((body as { text: string }).text === "item 4" ? refused(403, "No") : tweeted()));
  const id = await postBatch(h, accounts);
  await h.turn();
  expect(h.posted()).toHaveLength(5);
  expect(await completed()).toEqual([]);
  await Promise.all([h.tick(), h.tick(), h.tick()]);
  await h.turn();
  expect(batchSchema.parse((await completed())[0])).toMatchObject({
    id,
    accepted: 5,
    accounts: 5,
    counts: { succeeded: 4, failed: 1, queued: 0 },
    first_due_at: new Date(h.now()).toISOString(),
  });
  expect(h.receiver.types()).toEqual(["batch.completed"]);
  await h.pass(120_000);
  expect(await completed()).toHaveLength(1);
  expect(h.receiver.types()).toEqual(["batch.completed"]);
});

test("a batch whose jobs are all on another database than its own has their counts", async () => {
  const h = await createHarness({ sharded: true });
  await h.endpoint(["batch.*"]);
  await postBatch(h, [await h.account({ shard: "1" })]);
  await h.turn();
  await h.tick();
  expect(await completed()).toMatchObject([{ accepted: 1, counts: { succeeded: 1 } }]);
});
