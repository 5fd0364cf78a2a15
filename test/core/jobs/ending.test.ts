import { expect, test } from "vitest";
import { ended, PARKED, runOf } from "#core/jobs/ending";
import { retry } from "#core/lib/outcome";
import { Problem } from "#core/lib/problem";
import { KIND as kind, NOW, settlingJob } from "../../support/settling.ts";

const problem = new Problem("x_unavailable");
const runWith = (change: Parameters<typeof settlingJob>[0]) =>
  runOf(settlingJob(change), retry(problem), { kind, now: NOW, random: 0.5 });

test("an ending says what is said, in whole milliseconds, and leaves the rest of the row as it was", () => {
  const { given, counted } = runWith({ looks: 2, losses: 1, crashes: 1, result: '{"id":"1"}' });
  expect(given({ ...counted, ...ended("failed"), wait_ms: 1.4 })).toMatchObject({
    client_id: "cli_1",
    id: "job_1",
    lease: "lse_1",
    state: "failed",
    attempts: 2,
    wait_ms: 2,
    looks: 2,
    losses: 1,
    crashes: 1,
    result: '{"id":"1"}',
    checkpoint: '{"step":1}',
    awaits: null,
    cost: 0,
  });
  expect(given({ ...counted, ...PARKED, looks: 3 })).toMatchObject({
    state: "unknown",
    open: null,
    looks: 3,
  });
});

test("a run of a job whose fate is unclear was a look: it goes on as unclear, and counts no attempt", () => {
  expect(runWith({ maybe_sent: 2 })).toMatchObject({
    unclear: true,
    open: { state: "unknown", maybe_sent: 2 },
    uncounted: { attempts: 1 },
  });
  expect(runWith({ maybe_sent: 1 })).toMatchObject({
    unclear: false,
    open: { state: "waiting", maybe_sent: 0 },
  });
  expect(runWith({ attempts: 0 }).uncounted).toEqual({ attempts: 0 });
});
