/** X takes at most 1,000 segments of at most 8 MB. */
const MOST_SEGMENTS = 1_000;
const LARGEST_BYTES = 8_000_000;
const USUAL_BYTES = 4 * 1024 * 1024;
/** Held in memory at once, on their way from R2 to X. */
const IN_FLIGHT_BYTES = 16 * 1024 * 1024;

export type Segment = { index: number; offset: number; length: number };

/** How long the segments of a file are: 4 MiB, more where 1,000 of them would not hold it. */
export const segmentBytes = (size: number): number =>
  Math.min(LARGEST_BYTES, Math.max(USUAL_BYTES, Math.ceil(size / MOST_SEGMENTS)));

/** The segments from `next` on that are sent at once, of a file of `size` bytes. */
export function inFlight(size: number, segment_bytes: number, next: number): Segment[] {
  const count = Math.max(1, Math.floor(IN_FLIGHT_BYTES / segment_bytes));
  return Array.from({ length: count }, (_, index) => next + index)
    .map((index) => ({
      index,
      offset: index * segment_bytes,
      length: Math.min(segment_bytes, size - index * segment_bytes),
    }))
    .filter(({ length }) => length > 0);
}
