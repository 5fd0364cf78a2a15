const epoch_ms = 1288834974657n;

/** The next id of X's kind: the time in its upper bits, always above `last` even when the clock stands still. */
export function nextSnowflake(now_ms: number, last: bigint): bigint {
  const fresh = (BigInt(Math.floor(now_ms)) - epoch_ms) << 22n;
  return fresh > last ? fresh : last + 1n;
}

/** The lowest id a post made at this time can have: what turns `start_time` into a bound on ids. */
export function snowflakeAt(ms: number): bigint {
  return (BigInt(Math.floor(ms)) - epoch_ms) << 22n;
}
