import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { stage } from "#core/jobs/stage";
import { HOUR_MS, MINUTE_MS } from "#core/lib/clock";
import * as jobs from "#core/store/jobs";
import type { JobRow } from "#core/store/jobs";
import { first } from "#core/store/sql";
import { movie } from "../../scripts/movie.ts";
import { createMortal, type Death } from "../support/mortal.ts";
import { createWorld } from "./world.ts";

// A Worker that sends a film dies where it reads a segment, before it has it or after; and X forgets what others do not go on with.

const MIB = 1024 * 1024;
/** Five segments: four are sent at once, then one. */
const SEGMENTS = 5;
const IN_FLIGHT = 4;
const film = movie(17 * MIB);
const sum = createHash("sha256").update(film).digest("hex");
const NEVER: Death = { step: Infinity, when: "after" };

/** A film that is sent by a Worker which dies; `later_ms` after that, others go on. What X had of it then. */
async function stopped(death: Death, later_ms = 0) {
  const world = await createWorld({
    random: () => 0.5,
    sleep: () => new Promise((done) => setImmediate(done)),
  });
  const { account } = await world.connect("ada");
  const media_id = await world.film(account, film);
  const id = await world.post("media.upload", { account_id: account, media_id } as { account_id: string });
  const asked: string[] = [];
  const network = (request: Request) => {
    asked.push(new URL(request.url).pathname.split("/").at(-1) ?? "");
    return world.simulator.fetch(request);
  };
  const mortal = createMortal(death);
  const first_worker = world.worker({
    database: mortal.database,
    network: (request) =>
      mortal.step(
        () => network(request),
        () => `ask X: ${new URL(request.url).pathname.replace(/\d+/, ":id")}`,
      ),
    queue: mortal.queue(world.queue),
    kv: mortal.kv(world.kv),
    bucket: mortal.bucket,
  });
  const batch = world.take();
  if (!batch) throw new Error("there is nothing to do");
  const turn = world.turn(batch, first_worker).then(() => "settled");
  const ended = await Promise.race([turn, mortal.died.then(() => "died")]);
  const trail = mortal.trail();

  world.goTo(world.now() + later_ms);
  const job = () => first<JobRow>(jobs.find(world.db, world.client_id, id));
  for (let minute = 0; minute < 30 && (await job())?.open === 1; minute++) {
    await stage(world.worker());
    for (let due = world.take(); due !== null; due = world.take())
      await world.turn(due, world.worker({ network }));
    world.goTo(Math.min(world.now() + MINUTE_MS, Math.max(world.now() + 1, world.next())));
  }
  const count = (name: string) => asked.filter((one) => one === name).length;
  return {
    ended,
    trail,
    state: (await job())?.state,
    begun: count("initialize"),
    segments: count("append"),
    ended_at_x: world.simulator.media().flatMap(({ sha256 }) => sha256 ?? []),
  };
}

const whole = await stopped(NEVER);
/** On what it asks of D1 and X it dies in test/core/media/send.test.ts. */
const deaths = whole.trail.flatMap((name, index): (Death & { name: string })[] =>
  name === "read R2"
    ? [
        { step: index + 1, when: "before", name },
        { step: index + 1, when: "after", name },
      ]
    : [],
);

test("a film that nobody stops is begun once, and each of its segments is sent once", () => {
  expect(whole).toMatchObject({
    ended: "settled",
    state: "succeeded",
    begun: 1,
    segments: SEGMENTS,
    ended_at_x: [sum],
  });
  expect(whole.trail.filter((name) => name === "read R2")).toHaveLength(SEGMENTS);
});

describe.each(deaths)("a Worker that dies $when step $step ($name)", (death) => {
  test("ends with the same bytes at X, and at most the segments in flight sent twice", async () => {
    const found = await stopped(death);
    expect(found).toMatchObject({ ended: "died", state: "succeeded", ended_at_x: [sum] });
    expect(found.segments).toBeLessThanOrEqual(SEGMENTS + IN_FLIGHT);
    // Begun anew only where X's id was not written yet.
    expect(found.begun).toBeLessThanOrEqual(2);
    if (found.begun === 2) expect(found.segments).toBe(SEGMENTS);
  });
});

test("X that has forgotten the half of it a day later is sent all of it anew, by itself", async () => {
  const fourth = whole.trail.findLastIndex((name) => name === "write jobs") + 1;
  const found = await stopped({ step: fourth, when: "before" }, 25 * HOUR_MS);
  expect(found).toMatchObject({ ended: "died", state: "succeeded", begun: 2, ended_at_x: [sum] });
});
