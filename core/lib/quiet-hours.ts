import { DAY_MS } from "./clock.ts";

/** Hours of each day in which nothing is to be done: `from` and `to` are wall-clock times, `to` maybe on the next day. */
export type QuietHours = { from: string; to: string; time_zone: string };

/** Epoch ms; `end` is not part of it. */
export type Span = { start: number; end: number };

/** Whether a name is one of an IANA time zone. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** What is left of a span without its quiet hours, in order. */
export function awake(span: Span, quiet: QuietHours | null): Span[] {
  if (!quiet) return span.start < span.end ? [span] : [];
  const left: Span[] = [];
  let start = span.start;
  for (const { start: from, end: to } of quietSpans(span, quiet)) {
    if (from > start) left.push({ start, end: Math.min(from, span.end) });
    start = Math.max(start, to);
    if (start >= span.end) return left;
  }
  return [...left, { start, end: span.end }];
}

/** The moment at which so much of these spans has passed, or null when they are shorter. */
export function momentAt(spans: readonly Span[], ms: number): number | null {
  let rest = ms;
  for (const { start, end } of spans) {
    if (rest < end - start) return start + rest;
    rest -= end - start;
  }
  return null;
}

/** How long spans are together. */
export const lengthOf = (spans: readonly Span[]): number =>
  spans.reduce((sum, { start, end }) => sum + end - start, 0);

/** The quiet hours that touch a span, by the wall clocks of their zone: those of a day may be longer or shorter. */
function quietSpans({ start, end }: Span, { from, to, time_zone }: QuietHours): Span[] {
  const wall = wallClock(time_zone);
  const [begins, ends] = [minutesOf(from), minutesOf(to)];
  const spans: Span[] = [];
  // The day before may reach into the first.
  const first = Math.floor(wall.at(start) / DAY_MS) - 1;
  const last = Math.floor(wall.at(end) / DAY_MS);
  for (let day = first; day <= last; day++) {
    const at = (minutes: number) => wall.moment(day * DAY_MS + minutes * 60_000);
    spans.push({ start: at(begins), end: at(ends > begins ? ends : ends + 24 * 60) });
  }
  return spans.filter((one) => one.end > start && one.start < end);
}

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

/**
 * The wall clock of a zone, its readings as if they were UTC. A reading that comes twice means the first, one that is skipped
 * the moment as far after the change.
 */
function wallClock(timeZone: string) {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const at = (moment: number): number => {
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(moment)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) + (moment % 1000);
  };
  const moment = (reading: number): number => {
    // The offsets before and after: a day away, for no zone changes twice in that time.
    const offsets = [-DAY_MS, DAY_MS].map((far) => at(reading + far) - (reading + far));
    const found = offsets.map((offset) => reading - offset).filter((one) => at(one) === reading);
    return found.length > 0 ? Math.min(...found) : reading - (offsets[0] ?? 0);
  };
  return { at, moment };
}
