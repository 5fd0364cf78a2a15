import { describe, expect, test } from "vitest";
import { isFinal } from "#core/lib/lifecycle";
import { allKinds } from "#core/jobs/kinds/index";
import type { Death } from "../support/mortal.ts";
import { doings, type KindName } from "./deeds.ts";
import { situations } from "./situations.ts";
import { page, type Told } from "./stops-page.ts";
import { tell, type Situation, type Story } from "./story.ts";

// A Worker dies at each step that it takes outside itself, before the step has its effect and after it: on every kind of job, in
// every situation. What there was then, and what became of it, is written down in docs/stops.md.

const names = Object.keys(doings) as KindName[];
const told = new Map<KindName, Told[]>(names.map((name) => [name, []]));

/** Every death in the steps that a job takes until the turn in which it ends is over. */
async function deathsOf(name: KindName, situation: Situation) {
  const { ended, trail } = await tell(name, situation, { step: Infinity, when: "after" });
  expect(ended).toBe("settled");
  const deaths = trail.flatMap((_, index): Death[] => [
    { step: index + 1, when: "before" },
    { step: index + 1, when: "after" },
  ]);
  return { trail, deaths };
}

test("every kind is here", () => {
  expect(names.toSorted()).toEqual(allKinds.names.toSorted());
});

describe.each(names)("a Worker that dies on %s", (name) => {
  const kind = allKinds.find(name);

  // What stands in another lane is not due with it.
  const itsOwn = situations.filter(({ next_at_once }) => !next_at_once || doings[name].next === name);

  // Dozens of worlds, on a machine that may be busy.
  test.each(itsOwn)("keeps every promise when: $title", { timeout: 120_000 }, async (situation) => {
    const { trail, deaths } = await deathsOf(name, situation);
    const stories: Told["stories"] = [];
    for (const death of deaths) {
      const story = await tell(name, situation, death);
      const at = `${death.when} ${trail[Number(death.step) - 1] ?? ""} (${death.step})`;
      expect(story.ended, at).toBe("died");
      expect(story.trail, at).toEqual(trail.slice(0, Number(death.step)));
      keepsPromises(name, situation, story, at);
      stories.push({ death, story });
    }
    told.get(name)?.push({ situation, trail, stories });
  });

  function keepsPromises(name: KindName, { x, deaths }: Situation, story: Story, at: string): void {
    const { left, end, next, done, next_done, lanes } = story;
    const isParked = end.state === "unknown" && end.open === null;
    // What X gives once may have gone to a Worker that was dead.
    const { spoiled } = doings[name];
    const isSpoiled = spoiled !== undefined && done === 1 && end.state !== "succeeded";
    if (isSpoiled) expect(end.crashes < 3 ? spoiled : "poison", at).toBe(codeOf(end));
    expect(story.events, at).toBe(isParked ? 1 : 0);
    // Never lost. What three Workers died on is left alone, and a person is told.
    expect(isFinal(end.state) || isParked, at).toBe(true);
    if (isParked || end.state === "dead") expect(end.crashes, at).toBe(3);
    // Never twice, and never said to be done when it is not.
    expect(done, at).toBeLessThanOrEqual(1);
    if (end.state === "succeeded") expect(done, at).toBe(1);
    if (x === "refuses it") expect([end.state, done], at).toEqual(["failed", 0]);
    else if (end.crashes < 3 && !isSpoiled) expect(end.state, at).toBe("succeeded");
    // Each attempt is one that X was, or may have been, asked to make. Looking costs none, also if a Worker dies of it.
    const isLook = left.state === "running" && left.maybe_sent === 2;
    const unanswered = x === "does it in silence" || x === "is silent" ? 1 : 0;
    const crashed = left.crashes + (left.state === "running" ? 1 : 0);
    const mayHave = 1 + crashed + unanswered - (isLook ? 1 : 0);
    expect(end.attempts, at).toBeLessThanOrEqual(mayHave);
    if (end.state === "succeeded") expect(end.attempts, at).toBeGreaterThanOrEqual(1);
    // A crash is a death on a running job, and each is counted once.
    if (doings[name].steps) expect(end.crashes, at).toBeLessThanOrEqual(crashed);
    else {
      expect(end.crashes, at).toBe(crashed);
      expect([deaths.length, deaths.length + 1], at).toContain(end.crashes);
    }
    // Only what runs, or whose fate nobody knows, may have been sent.
    if (kind?.repeatable !== false) expect(left.maybe_sent, at).toBe(0);
    else if (left.state === "running") expect(left.maybe_sent, at).toBeGreaterThan(0);
    // Whoever dies of it, what came to an end is counted once.
    expect(story.ends.counted, at).toEqual(story.ends.stand);
    // What needs its account's connection waits for it.
    if (isSpoiled) return;
    // In order, once, and nothing is left to be done.
    expect([next.state, next_done], at).toEqual(["succeeded", 1]);
    if (kind?.ordered && doings[name].next === name)
      expect(next.started_at, at).toBeGreaterThanOrEqual(story.ended_at);
    expect(lanes, at).toEqual([]);
  }
});

const codeOf = ({ error }: { error: string | null }): unknown =>
  (JSON.parse(error ?? "null") as { code?: string } | null)?.code;

test("docs/stops.md shows what was found", async () => {
  await expect(page(told)).toMatchFileSnapshot("../../docs/stops.md");
});
