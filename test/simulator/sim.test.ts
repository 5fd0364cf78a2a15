import { expect, test } from "vitest";
import { newSim, randomText } from "../../simulator/sim.ts";

test("a fact is written down and happens", () => {
  const lines: string[] = [];
  const sim = newSim({ journal: (line) => lines.push(line) });
  sim.commit({ type: "settings.changed", change: { latency_ms: 5 } });
  expect(lines).toEqual(['{"type":"settings.changed","change":{"latency_ms":5}}']);
  expect(sim.world.settings.latency_ms).toBe(5);
});

test("no id is given out twice", () => {
  const sim = newSim({ now: () => 1_700_000_000_000 });
  expect(new Set(Array.from({ length: 100 }, () => sim.id())).size).toBe(100);
});

test("random text is as long as asked and depends on chance alone", () => {
  expect(randomText(() => 0.999, 3)).toBe("999");
  expect(randomText(() => 0, 5)).toBe("aaaaa");
});
