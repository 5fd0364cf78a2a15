import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { first } from "#core/store/sql";
import { flushTally } from "../../src/flush-tally.ts";
import { openDoor } from "../support/door.ts";

const written = async () =>
  JSON.parse(
    (await first<{ counts: string }>(env.DB.prepare("SELECT counts FROM tallies WHERE name = 'producer'")))
      ?.counts ?? "{}",
  ) as unknown;

test("counts are written at most every ten seconds, and none of them twice", async () => {
  const { app, advance } = await openDoor();
  app.tally.add("a");
  await flushTally(app);
  app.tally.add("a", 2);
  await flushTally(app);
  expect(await written()).toEqual({ a: 1 });
  advance(10_000);
  await flushTally(app);
  advance(10_000);
  await flushTally(app);
  expect(await written()).toEqual({ a: 3 });
});
