import { expect, test } from "vitest";
import { histogram, metricsText } from "../../src/metrics-text.ts";

test("a metric has its help, its type and a line for each sample", () => {
  const text = metricsText([
    {
      name: "a_total",
      type: "counter",
      help: "All of a.",
      samples: [{ labels: { kind: "x", of: "y" }, value: 2 }],
    },
    { name: "b", type: "gauge", help: "How\nmany \\ b.", samples: [] },
  ]);
  expect(text).toBe(
    '# HELP a_total All of a.\n# TYPE a_total counter\na_total{kind="x",of="y"} 2\n# HELP b How\\nmany \\\\ b.\n# TYPE b gauge\n',
  );
});

test("what stands in a label cannot end it", () => {
  const [, , line] = metricsText([
    { name: "a", type: "gauge", help: "", samples: [{ labels: { l: 'a"b\\c\nd' }, value: 1 }] },
  ]).split("\n");
  expect(line).toBe('a{l="a\\"b\\\\c\\nd"} 1');
});

test("a histogram's buckets hold all that is below their bound", () => {
  const counts: Record<string, number> = { "1": 2, "5": 3, "+Inf": 1 };
  expect(histogram([1, 5], (bound) => counts[bound] ?? 0, 12.5)).toEqual([
    { suffix: "_bucket", labels: { le: "1" }, value: 2 },
    { suffix: "_bucket", labels: { le: "5" }, value: 5 },
    { suffix: "_bucket", labels: { le: "+Inf" }, value: 6 },
    { suffix: "_sum", value: 12.5 },
    { suffix: "_count", value: 6 },
  ]);
});
