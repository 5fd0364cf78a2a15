import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parser } from "@prometheus-io/lezer-promql";
import { load } from "js-yaml";
import { describe, expect, test } from "vitest";

const folder = join(import.meta.dirname, "../../docs/operations");
const read = (file: string): string => readFileSync(join(folder, file), "utf8");

type Known = { type: string; labels: string[] };

/** What metrics.md says there is, by name. */
const metrics = new Map<string, Known>(
  [...read("metrics.md").matchAll(/^\| `(tap_\w+)` *\| (\w+) *\| ([^|]*)\|/gm)].map(
    ([, name = "", type = "", labels = ""]) => [
      name,
      { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label) },
    ],
  ),
);

/** What Prometheus itself knows of a target, and what every series of one has. */
const OWN = ["up"];
const OWN_LABELS = ["job", "instance", "le"];

type Read = { errors: number; metrics: string[]; labels: string[] };

/** What an expression asks for. */
function readExpression(text: string): Read {
  const found: Read = { errors: 0, metrics: [], labels: [] };
  const at = (node: { from: number; to: number }): string => text.slice(node.from, node.to);
  parser.parse(text).iterate({
    enter({ node, type }) {
      if (type.isError) found.errors += 1;
      if (type.name === "VectorSelector") {
        const name = node.getChild("Identifier");
        if (name) found.metrics.push(at(name));
      }
      if (type.name === "LabelName") found.labels.push(at(node));
    },
  });
  return found;
}

/** A histogram is asked for by the names of its parts. */
const metricOf = (name: string): string =>
  metrics.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "");

/** What is wrong with an expression; nothing, if it may be used. */
function wrongWith(expression: string): string[] {
  const { errors, metrics: names, labels } = readExpression(expression);
  const unknown = names.filter((name) => !OWN.includes(name) && !metrics.has(metricOf(name)));
  const parts = names.filter(
    (name) => (metrics.get(metricOf(name))?.type === "histogram") !== name.endsWith("_bucket"),
  );
  const known = [...OWN_LABELS, ...names.flatMap((name) => metrics.get(metricOf(name))?.labels ?? [])];
  return [
    ...(errors > 0 ? ["does not parse"] : []),
    ...(names.length === 0 ? ["asks for nothing"] : []),
    ...unknown.map((name) => `no metric ${name}`),
    ...parts.map((name) => `${name} is the other kind of metric`),
    ...labels.filter((label) => !known.includes(label)).map((label) => `no label ${label}`),
  ];
}

test("metrics.md names each metric once, with its type, in the words of Prometheus", () => {
  expect(metrics.size).toBe([...read("metrics.md").matchAll(/^\| `tap_/gm)].length);
  expect(metrics.size).toBeGreaterThan(15);
  for (const [name, { type }] of metrics) {
    expect(["counter", "gauge", "histogram"]).toContain(type);
    expect(name.endsWith("_total"), name).toBe(type === "counter");
  }
});

test.each([
  ["sum(rate(tap_jobs_ended_total[5m])", "does not parse"],
  ["tap_no_such_thing > 1", "no metric tap_no_such_thing"],
  ["sum by (colour) (tap_jobs_open)", "no label colour"],
  ['tap_jobs_open{colour="red"}', "no label colour"],
  ["tap_accept_seconds > 1", "tap_accept_seconds is the other kind of metric"],
  ["1 + 1", "asks for nothing"],
])("%s would be noticed: %s", (expression, words) => {
  expect(wrongWith(expression)).toContain(words);
});

type Rule = {
  alert: string;
  expr: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
};
const { groups } = load(read("alerts.yml")) as { groups: { name: string; rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

describe("alert rules", () => {
  test.each(rules)("$alert asks for what there is, and says who is told what", (rule) => {
    expect(wrongWith(rule.expr)).toEqual([]);
    expect(
      Object.keys(rule).filter((key) => !["alert", "expr", "for", "labels", "annotations"].includes(key)),
    ).toEqual([]);
    expect(rule.for ?? "0s").toMatch(/^\d+[smhd]$/);
    expect(["page", "ticket"]).toContain(rule.labels.severity);
    expect(Object.keys(rule.annotations).sort()).toEqual(["description", "summary"]);
  });

  test.each(rules)(
    "$alert names in its words only labels that its expression leaves",
    ({ expr, annotations }) => {
      const named = [
        ...Object.values(annotations)
          .join(" ")
          .matchAll(/\$labels\.(\w+)/g),
      ].map(([, label]) => label);
      const left = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/, */));
      expect(named.filter((label) => !left.includes(label ?? ""))).toEqual([]);
    },
  );

  test("each has its own name, and a part of the page that says what to do, among those of its severity", () => {
    const page = read("README.md");
    const [pages = "", tickets = ""] =
      page.split("## What wakes somebody")[1]?.split("## What can wait") ?? [];
    const headings = (text: string): string[] =>
      [...text.matchAll(/^### (\w+)$/gm)].map(([, name = ""]) => name);
    const named = (severity: string): string[] =>
      rules.filter(({ labels }) => labels.severity === severity).map(({ alert }) => alert);
    expect(headings(pages)).toEqual(named("page"));
    expect(headings(tickets)).toEqual(named("ticket"));
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });
});

type Panel = {
  id: number;
  type: string;
  title: string;
  datasource?: { uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { refId: string; expr: string }[];
};
const dashboard = JSON.parse(read("dashboard.json")) as {
  panels: Panel[];
  templating: { list: { name: string; type: string }[] };
};
const shown = dashboard.panels.filter(({ type }) => type !== "row");

describe("the dashboard", () => {
  test.each(shown)("shows $title, of what there is", ({ targets = [], datasource }) => {
    expect(targets.length).toBeGreaterThan(0);
    expect(datasource?.uid).toBe("${datasource}");
    for (const { expr } of targets) expect(wrongWith(expr.replaceAll("$__rate_interval", "5m"))).toEqual([]);
  });

  test("shows every metric there is", () => {
    const asked = shown.flatMap(({ targets = [] }) =>
      targets.flatMap(({ expr }) =>
        readExpression(expr.replaceAll("$__rate_interval", "5m")).metrics.map(metricOf),
      ),
    );
    expect([...metrics.keys()].filter((name) => !asked.includes(name))).toEqual([]);
  });

  test("lets whoever imports it choose the Prometheus it asks", () => {
    expect(dashboard.templating.list).toMatchObject([{ name: "datasource", type: "datasource" }]);
  });

  test("has panels that do not lie on each other, each with an id of its own", () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of dashboard.panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });
});
