import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import * as tallies from "#core/store/tallies";
import { added, reportOf } from "../../src/metrics-report.ts";
import { openDoor } from "../support/door.ts";

test("counts of several are summed by key", () => {
  expect(added([{ a: 1, b: 2 }, { a: 3 }, {}])).toEqual({ a: 4, b: 2 });
});

test("one database is read in one batch, consumers' and producer's counts together", async () => {
  const { app } = await openDoor();
  await tallies.addLoose(env.DB, "jobs", { a: 1 }).run();
  await tallies.addLoose(env.DB, "producer", { a: 1, b: 1 }).run();
  expect(await reportOf(app, "0")).toMatchObject({
    counts: { a: 2, b: 1 },
    dead: 0,
    parked: 0,
    reconnect: 0,
  });
});
