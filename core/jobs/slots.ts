/**
 * How many calls to X a turn makes at once. A Worker invocation may have six fetches waiting for headers; more would be
 * queued while their deadline runs, so a job is claimed only when a slot is free. First come, first served.
 */
export type Slots = {
  acquire(): Promise<void>;
  release(): void;
  /** Whether nobody waits for a slot. */
  idle(): boolean;
  /** How many slots are taken. */
  taken(): number;
};

export function createSlots(count: number): Slots {
  let free = count;
  const waiting: (() => void)[] = [];
  return {
    acquire() {
      if (free > 0) {
        free--;
        return Promise.resolve();
      }
      return new Promise((resolve) => waiting.push(resolve));
    },
    release() {
      const next = waiting.shift();
      if (next) next();
      else free++;
    },
    idle: () => waiting.length === 0,
    taken: () => count - free,
  };
}
