/** X's ids count from here (2010-11-04T01:42:54.657Z), in ms, above 22 bits of machine and sequence. */
const EPOCH_MS = 1_288_834_974_657n;
const OTHER_BITS = 22n;

/** When X made the thing with this id: epoch ms on X's clock. */
export const snowflakeTime = (id: string): number => Number((BigInt(id) >> OTHER_BITS) + EPOCH_MS);

/** The smallest id of a thing made at `ms` (epoch, X's clock) or later. */
export function snowflakeFloor(ms: number): string {
  const since = BigInt(Math.ceil(ms)) - EPOCH_MS;
  return String((since > 0n ? since : 0n) << OTHER_BITS);
}

/** Whether X made `id` after `other`. As text, ids of different lengths would not compare. */
export const isNewer = (id: string, other: string): boolean => BigInt(id) > BigInt(other);
