import { ask } from "../../scripts/api.ts";
import type { Caller } from "../../scripts/jobs.ts";
import type { Line } from "./listening.ts";

/** An event as `GET /v1/events` has it. */
export type Told = { id: string; type: string; data: { id: string; sequence: number } };

/** Every event of the jobs of the caller's client, in the order in which they were written. */
export async function readEvents({ url, key }: Caller): Promise<Told[]> {
  const events: Told[] = [];
  for (let [after, more] = ["", true]; more;) {
    const from = after === "" ? "" : `&after=${after}`;
    const page = await ask<{ data: Told[]; has_more: boolean; next_cursor: string }>(
      `${url}/v1/events?type=job.*&limit=100${from}`,
      { key },
    );
    events.push(...page.data);
    [after, more] = [page.next_cursor, page.has_more];
  }
  return events;
}

/** Compare what was written with what a receiver has in its book. */
export function toldVerdict(events: readonly Told[], book: readonly Line[]) {
  const taken = book.flatMap(({ id, ...line }) => (id === null ? [] : [{ id, ...line }]));
  const byId = Map.groupBy(taken, ({ id }) => id);
  const known = new Set(events.map(({ id }) => id));
  return {
    written: events.length,
    arrived: [...byId.keys()].filter((id) => known.has(id)).length,
    lost: events.filter(({ id }) => !byId.has(id)).length,
    /** Under an id that no event has: the id was not the same at each attempt. */
    strange: [...byId.keys()].filter((id) => !known.has(id)).length,
    /** Came again and said something else under the same id. */
    changed: [...byId.values()].filter((lines) => new Set(lines.map(({ hash }) => hash)).size > 1).length,
    unsigned: book.length - taken.length,
    again: taken.length - byId.size,
    /** Came behind something that was written later: what `sequence` is there for. */
    came_late: cameLate(taken),
    /** Jobs whose events, sorted by `sequence`, do not stand as they were written. */
    unordered: unordered(
      events,
      [...byId.values()].flatMap((lines) => lines.slice(0, 1)),
    ),
  };
}

type Taken = Line & { id: string };

function cameLate(taken: readonly Taken[]): number {
  const highest = new Map<string, number>();
  let late = 0;
  for (const { subject, sequence } of taken) {
    const last = highest.get(subject) ?? -1;
    if (sequence < last) late++;
    highest.set(subject, Math.max(last, sequence));
  }
  return late;
}

function unordered(events: readonly Told[], once: readonly Taken[]): number {
  const written = Map.groupBy(events, ({ data }) => data.id);
  const came = Map.groupBy(once, ({ subject }) => subject);
  return [...written].filter(([subject, some]) => {
    const sorted = [...(came.get(subject) ?? [])].sort((a, b) => a.sequence - b.sequence);
    return sorted.map(({ id }) => id).join() !== some.map(({ id }) => id).join();
  }).length;
}
