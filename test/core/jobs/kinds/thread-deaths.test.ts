import { expect, test } from "vitest";
import { MINUTE_MS } from "#core/lib/clock";
import { createMortal, type Death } from "../../../support/mortal.ts";
import { NO, SAID, threading } from "../../../support/threads.ts";

// A Worker that posts a thread dies at each of its steps, before the step has its effect or after it.

/** What became of a thread of which the last tweet is refused, if any is, when its Worker was dead. */
async function stopped(death: Death, on_partial: "resume" | "hold" | "delete", isRefused: boolean) {
  const mortal = createMortal(death);
  const t = await threading();
  if (isRefused) t.fault("five", NO, 99);
  const id = await t.post({ on_partial });
  t.h.wrapDatabase(mortal.database);
  t.h.answer((_, request) => mortal.step(() => t.x.fetch(request)));
  await Promise.race([t.h.turn(), mortal.died]);
  t.h.wrapDatabase((db) => db);
  t.h.answer((_, request) => t.x.fetch(request));
  await t.h.pass(10 * MINUTE_MS);
  const job = await t.h.job(id);
  return { t, job, steps: mortal.steps(), gate: await t.h.gate(`thread:${t.account}`) };
}

const NEVER: Death = { step: Infinity, when: "after" };
const each = (steps: number): Death[] =>
  Array.from({ length: steps }, (_, index) => index + 1).flatMap((step) => [
    { step, when: "before" },
    { step, when: "after" },
  ]);

const whole = await stopped(NEVER, "resume", false);
test.each(each(whole.steps))(
  "posts each tweet once, in order: $when step $step of a thread",
  async (death) => {
    const { t, job } = await stopped(death, "resume", false);
    expect(job).toMatchObject({ state: "succeeded", maybe_sent: 0 });
    expect(t.made()).toEqual(SAID);
    expect(t.isChain(job)).toBe(true);
  },
);

const back = await stopped(NEVER, "delete", true);
test.each(each(back.steps))(
  "takes all of it back: $when step $step of one that is refused",
  async (death) => {
    const { t, job } = await stopped(death, "delete", true);
    expect(job).toMatchObject({ state: "failed", open: null, maybe_sent: 0 });
    expect(t.made()).toEqual(SAID.slice(0, 4));
    expect(t.standing()).toEqual([]);
    expect(t.result(job)).toMatchObject({
      tweet_ids: [],
      deleted_ids: t.x.tweets(t.user.id).map(({ id }) => id),
    });
  },
);

const held = await stopped(NEVER, "hold", true);
test.each(each(held.steps))("holds the account: $when step $step of one that is refused", async (death) => {
  const { t, job, gate } = await stopped(death, "hold", true);
  expect(job).toMatchObject({ state: "failed", open: null });
  expect(t.made()).toEqual(SAID.slice(0, 4));
  expect(t.isChain(job)).toBe(true);
  expect(gate).toMatchObject({ reason: "thread_held", held_by: job.id });
});

test("a thread of five is eleven steps and a hand-back: what is posted is written before the next is sent", () => {
  expect([whole.steps, held.steps]).toEqual([11, 11]);
  expect(back.job).toMatchObject({ state: "failed" });
});
