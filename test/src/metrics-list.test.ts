import { expect, test } from "vitest";
import { metricsOf } from "../../src/metrics-list.ts";
import table from "../../docs/operations/metrics.md?raw";
import { openDoor } from "../support/door.ts";

test("every metric is there before anything has happened, named after us, with one help and one type", async () => {
  const { app } = await openDoor();
  const metrics = metricsOf(app, []);
  expect(new Set(metrics.map(({ name }) => name)).size).toBe(metrics.length);
  for (const { name, help, type } of metrics) {
    expect(name).toMatch(/^tap_[a-z_]+$/);
    expect(name.endsWith("_total")).toBe(type === "counter");
    expect(help.endsWith("."), help).toBe(true);
  }
});

test("docs/operations/metrics.md has a line for every metric, with its type and its labels, and for no other", async () => {
  const { app } = await openDoor();
  const told = [...table.matchAll(/^\| `(tap_\w+)` *\| (\w+) /gm)].map(
    ([, name = "", type = ""]) => `${name} ${type}`,
  );
  expect(told.sort()).toEqual(
    metricsOf(app, [])
      .map(({ name, type }) => `${name} ${type}`)
      .sort(),
  );
});
