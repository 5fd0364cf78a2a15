import { expect, test } from "vitest";
import { createHealth } from "#core/jobs/health";

const job = { client_id: "cli_1", id: "job_1", lease: "lse_1" };
const hearing = (name: string, faults: number) => ({
  name,
  faults,
  client_id: "cli_1",
  job_id: "job_1",
  lease: "lse_1",
});

test("an answer of X is not worth a write while its part has no faults", () => {
  for (const parts of [null, "{}", '{"x:tweets":[0,1800000000000]}']) {
    const health = createHealth(parts);
    health.hear("tweets", true);
    expect(health.hearings(job)).toEqual([]);
  }
});

test("faults are counted, and answers against faults that were there", () => {
  const health = createHealth('{"x:tweets":[3,null]}');
  health.hear("tweets", true);
  health.hear("reads", false);
  health.hear("reads", false);
  expect(health.hearings(job)).toEqual([hearing("x:tweets", -1), hearing("x:reads", 2)]);
});

test("a fault and an answer of one part say nothing together", () => {
  const health = createHealth('{"x:tweets":[3,null]}');
  health.hear("tweets", true);
  health.hear("tweets", false);
  expect(health.hearings(job)).toEqual([]);
});

test("an X app that X refused is taken again when X carries something out for it", () => {
  const health = createHealth('{"x:tweets":[0,null],"app:app_1":[10,null]}');
  health.hearApp();
  expect(health.hearings(job)).toEqual([hearing("app:app_1", -1)]);
  const well = createHealth('{"app:app_1":[0,null]}');
  well.hearApp();
  expect(well.hearings(job)).toEqual([]);
});

test("the last time that any part shut is known", () => {
  expect(createHealth(null).shutAt()).toBeNull();
  expect(createHealth('{"x:tweets":[0,null]}').shutAt()).toBeNull();
  expect(createHealth('{"x:tweets":[0,5],"x:reads":[0,9]}').shutAt()).toBe(9);
  expect(createHealth('{"x:tweets":[0,5],"x:reads":[0,null]}').shutAt()).toBe(5);
});
