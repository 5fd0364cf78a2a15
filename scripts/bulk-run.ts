import { createHash } from "node:crypto";
import { ask, Refused } from "./api.ts";
import { readTable } from "./csv.ts";
import type { Caller } from "./jobs.ts";
import { pause, until } from "./wait.ts";

/** What became of a line of the file. */
export type Outcome = {
  line: number;
  state: string;
  job_id: string | null;
  tweet_id: string | null;
  url: string | null;
  error: string | null;
};

/** A line that can be sent: the body of an item. */
type Line = { line: number; item: Record<string, unknown> };
type FieldError = { pointer: string; code: string; detail: string };
type Rejected = { index: number; errors: FieldError[] };
type Tried = {
  accepted: number;
  rejected: Rejected[];
  warnings: Record<string, number>;
  cost: { estimated: number };
};
type Taken = { id: string; accepted: number; rejected: Rejected[] };
type Batch = { state: string; counts: Record<string, number> };
type Job = {
  id: string;
  state: string;
  result: { tweet_id?: string; url?: string } | null;
  error: Told | null;
};
type Told = { code: string; detail: string };

export type Plan = { key: string; parts: Line[][]; bad: Outcome[] };

const TRIES = 5;
const AGAIN_MS = 1_000;
const LOOK_MS = 500;
const YEAR_MS = 366 * 86_400_000;
const PAGE = 100;

/**
 * Read a table of jobs: its columns are named as the fields of an item, an empty cell says nothing, `media` holds ids with spaces
 * between them. Lines are sent in parts of `size`, each under a key that follows from the file and the part's first line.
 */
export function planOf(text: string, account_id: string | undefined, size: number): Plan {
  const { head, rows } = readTable(text);
  const bad: Outcome[] = [];
  const lines: Line[] = [];
  for (const { line, cells } of rows) {
    if (cells.length !== head.length)
      bad.push(rejected(line, [`has ${cells.length} cells, the head has ${head.length}`]));
    else lines.push({ line, item: itemOf(head, cells, account_id) });
  }
  const parts = Array.from({ length: Math.ceil(lines.length / size) }, (_, part) =>
    lines.slice(part * size, (part + 1) * size),
  );
  const key = createHash("sha256")
    .update(JSON.stringify([text, account_id, size]))
    .digest("base64url");
  return { key, parts, bad };
}

function itemOf(head: string[], cells: string[], account_id: string | undefined): Record<string, unknown> {
  const given = head.flatMap((name, index): [string, unknown][] => {
    const cell = cells[index] ?? "";
    if (cell === "") return [];
    return [[name, name === "media" ? cell.split(/\s+/) : cell]];
  });
  return { ...(account_id !== undefined && { account_id }), ...Object.fromEntries(given) };
}

/** What is wrong with which lines, and what the others cost. Nothing is taken. */
export async function check(
  caller: Caller,
  { parts, bad }: Plan,
): Promise<{ bad: Outcome[]; good: number; micro_usd: number; warnings: Record<string, number> }> {
  const found = { bad: [...bad], good: 0, micro_usd: 0, warnings: {} as Record<string, number> };
  for (const part of parts) {
    const tried = await send<Tried>(caller, { dry_run: true, items: part.map(({ item }) => item) });
    found.bad.push(...outcomesOf(part, tried.rejected));
    found.good += "accepted" in tried ? tried.accepted : 0;
    found.micro_usd += "cost" in tried ? tried.cost.estimated : 0;
    for (const [code, count] of Object.entries("warnings" in tried ? tried.warnings : {}))
      found.warnings[code] = (found.warnings[code] ?? 0) + count;
  }
  found.bad.sort((a, b) => a.line - b.line);
  return found;
}

/** Hand all parts over, wait until they have ended, and say what became of each line. What was handed over before is found again. */
export async function run(
  caller: Caller,
  plan: Plan,
  show: (done: number, of: number) => void,
): Promise<Outcome[]> {
  const outcomes = [...plan.bad];
  const taken: { part: Line[]; batch: Taken }[] = [];
  for (const part of plan.parts) {
    const body = { items: part.map(({ item }) => item) };
    const batch = await send<Taken>(caller, body, `bulk:${plan.key}:${part[0]?.line ?? 0}`);
    outcomes.push(...outcomesOf(part, batch.rejected));
    if ("id" in batch) taken.push({ part, batch });
    show(
      0,
      taken.reduce((sum, one) => sum + one.batch.accepted, 0),
    );
  }
  await ended(
    caller,
    taken.map(({ batch }) => batch),
    show,
  );
  for (const { part, batch } of taken) outcomes.push(...(await jobsOf(caller, part, batch)));
  return outcomes.sort((a, b) => a.line - b.line);
}

/** A batch as it is answered; where no item can be taken, what is wrong with each. Asked again while nobody answers. */
async function send<Answer extends { rejected: Rejected[] }>(
  { url, key }: Caller,
  body: unknown,
  once?: string,
): Promise<Answer | { rejected: Rejected[] }> {
  const headers = once === undefined ? {} : { "idempotency-key": once };
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask<Answer>(`${url}/v1/batches`, { key, body, headers });
    } catch (error) {
      const isRefused = error instanceof Refused && error.status < 500 && error.status !== 429;
      if (isRefused && error.status === 422) return { rejected: refusedItems(error) };
      if (isRefused || attempt === TRIES) throw error;
      await pause(AGAIN_MS * attempt);
    }
  }
}

/** Throws what was refused when it was not for its items. */
function refusedItems(error: Refused): Rejected[] {
  const { errors = [] } = error.body as { errors?: FieldError[] };
  const found = errors.map(({ pointer, ...rest }) => {
    const [, index, field = ""] = /^\/items\/(\d+)(.*)$/.exec(pointer) ?? [];
    if (index === undefined) throw error;
    return { index: Number(index), error: { ...rest, pointer: field } };
  });
  if (found.length === 0) throw error;
  return [...Map.groupBy(found, ({ index }) => index)].map(([index, some]) => ({
    index,
    errors: some.map((one) => one.error),
  }));
}

async function ended(
  caller: Caller,
  batches: Taken[],
  show: (done: number, of: number) => void,
): Promise<void> {
  const all = batches.reduce((sum, { accepted }) => sum + accepted, 0);
  const over = new Map<string, number>();
  await until(
    "all batches have ended",
    YEAR_MS,
    async () => {
      for (const { id, accepted } of batches) {
        if (over.get(id) === accepted) continue;
        const { state, counts } = await ask<Batch>(`${caller.url}/v1/batches/${id}`, { key: caller.key });
        const { succeeded = 0, failed = 0, dead = 0, canceled = 0 } = counts;
        over.set(id, state === "completed" ? accepted : succeeded + failed + dead + canceled);
      }
      const done = [...over.values()].reduce((sum, one) => sum + one, 0);
      show(done, all);
      return done === all;
    },
    LOOK_MS,
  );
}

async function jobsOf({ url, key }: Caller, part: Line[], batch: Taken): Promise<Outcome[]> {
  const rejectedAt = new Set(batch.rejected.map(({ index }) => index));
  // In the order of the items, as their lines are.
  const lines = part.filter((_, index) => !rejectedAt.has(index));
  const jobs: Job[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const from: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const page: { data: Job[]; next_cursor: string | null } = await ask(
      `${url}/v1/batches/${batch.id}/jobs?limit=${PAGE}${from}`,
      { key },
    );
    jobs.push(...page.data);
    cursor = page.next_cursor;
  }
  return jobs.map(({ id, state, result, error }, index) => ({
    line: lines[index]?.line ?? 0,
    state,
    job_id: id,
    tweet_id: result?.tweet_id ?? null,
    url: result?.url ?? null,
    error: error === null ? null : `${error.code}: ${error.detail}`,
  }));
}

const outcomesOf = (part: Line[], found: Rejected[]): Outcome[] =>
  found.map(({ index, errors }) =>
    rejected(
      part[index]?.line ?? 0,
      errors.map(({ pointer, code, detail }) => `${pointer.slice(1) || "item"} ${code} (${detail})`),
    ),
  );

const rejected = (line: number, errors: string[]): Outcome => ({
  line,
  state: "rejected",
  job_id: null,
  tweet_id: null,
  url: null,
  error: errors.join("; "),
});
