import { allKinds } from "#core/jobs/kinds/index";
import type { Death } from "../support/mortal.ts";
import type { KindName } from "./deeds.ts";
import type { Row, Situation, Story } from "./story.ts";

/** What was found of a kind in a situation: a story for each death, in the order of its steps. */
export type Told = { situation: Situation; trail: string[]; stories: { death: Death; story: Story }[] };

const HEAD = `# Where a Worker may die

Written by \`test/virtual/stops.test.ts\`, which fails when this page is not what it finds (\`vitest run --project node
test/virtual/stops.test.ts -u\` writes it anew). A Worker dies at each step it takes outside itself, once before the step has its
effect and once after it, on every kind of job in every situation: the real engine and statements over SQLite, against the
simulated X. Its message dies with it, so that only the clock finds what it left.

Steps are numbered; what holds after one holds until the next. Neighbours with the same outcome share a line.

- **left**: the row when the Worker was dead, with \`attempts\`, \`crashes\` and \`maybe_sent\` (1: X may have been asked under this claim;
  2: nobody knows whether X acted) where they are not 0. An ended row has no \`open\`.
- **taken over**: the row as it was moved on when the lease had run out, before anything else was done with it; – when it was not running.
- **end**: the last state, and how long after the death it was reached, in simulated time.
- **X**: how often X did it and was asked to, by its own books.

In every row, unless it says otherwise, the next job of the account went out after it, once, and the lane was given back.`;

/** The page: a part for each kind, a table for each situation. Neighbours with the same outcome share a line. */
export const page = (told: ReadonlyMap<KindName, Told[]>): string =>
  [HEAD, ...[...told].map(([name, tables]) => part(name, tables))].join("\n\n") + "\n";

function part(name: KindName, tables: Told[]): string {
  const kind = allKinds.find(name);
  const how = kind?.repeatable
    ? "May be done twice: after a death it is done again."
    : "Must not be done twice: after a death it is looked for, and done again only when it surely is not there.";
  return [`## ${name}`, how, ...tables.map(section)].join("\n\n");
}

function section({ situation, trail, stories }: Told): string {
  const lines = grouped(stories).map(({ first, last, cells }) => [where(trail, first, last), ...cells]);
  return [
    `### ${situation.title}`,
    table([["The Worker died", "left", "taken over", "end", "X"], ...lines]),
  ].join("\n\n");
}

type Group = { first: Death; last: Death; cells: string[] };

function grouped(stories: Told["stories"]): Group[] {
  const groups: Group[] = [];
  for (const { death, story } of stories) {
    const cells = cellsOf(story);
    const open = groups.at(-1);
    if (open?.cells.join("|") === cells.join("|")) open.last = death;
    else groups.push({ first: death, last: death, cells });
  }
  return groups;
}

/** The places from one death to another: after a step is before the next one, unless the turn is over. */
function where(trail: string[], first: Death, last: Death): string {
  const at = ({ when, step }: Death) => `${when} ${step} ${trail[Number(step) - 1] ?? ""}`;
  const isOnePlace = last.when === "before" && Number(last.step) === Number(first.step) + 1;
  return first === last || isOnePlace ? at(first) : `${at(first)} … ${at(last)}`;
}

function cellsOf({ left, rescued, end, took_ms, done, asked }: Story): string[] {
  return [
    rowText(left),
    rescued ? rowText(rescued) : "–",
    `${rowText(end)}${took_ms >= 500 ? `, after ${duration(took_ms)}` : ""}`,
    `${times(done)}, asked ${times(asked)}`,
  ];
}

function rowText(row: Row): string {
  const counts = (["attempts", "crashes", "maybe_sent"] as const).flatMap((name) =>
    row[name] > 0 ? [`${name} ${row[name]}`] : [],
  );
  const code = (JSON.parse(row.error ?? "null") as { code?: string } | null)?.code;
  const isTold = row.open === null && row.state !== "succeeded" && code !== undefined;
  const parked = row.state === "unknown" && row.open === null ? ["parked"] : [];
  return [`**${row.state}**`, ...parked, ...(isTold ? [`\`${code}\``] : []), ...counts].join(" · ");
}

const times = (count: number): string => ["never", "once", "twice"][count] ?? `${count} times`;

const duration = (ms: number): string => `${Math.round(ms / 1000)} s`;

/** A table as prettier would have it. */
function table(lines: string[][]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(3, ...lines.map((line) => (line[column] ?? "").length)),
  );
  const row = (cells: string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [head = [], ...rest] = lines;
  return [row(head), row(widths.map((width) => "-".repeat(width))), ...rest.map(row)].join("\n");
}
