import { within } from "#core/lib/clock";
import { Problem } from "#core/lib/problem";
import type { RateWindow } from "#core/x/headers";

/** X's body as it came, its ETag, and what X said of the window. `at`: when it came, epoch ms. */
export type Shown = { text: string; etag: string; window: RateWindow | null; at: number };

/** Answers to equal reads, for a few seconds and this isolate alone; and one call to X for those who ask at once. */
export type ReadCache = { read(key: string, now: () => number, load: () => Promise<Shown>): Promise<Shown> };

export const FRESH_MS = 3_000;
const MOST_BYTES = 8 * 1024 * 1024;
/** A caller that went away takes its call to X with it, and whoever waits for that call asks by itself. */
const WAITS_MS = 5_000;

export function createReadCache(waits_ms = WAITS_MS): ReadCache {
  const kept = new Map<string, Shown>();
  const asked = new Map<string, Promise<Shown>>();
  let bytes = 0;

  function drop(key: string): void {
    bytes -= kept.get(key)?.text.length ?? 0;
    kept.delete(key);
  }

  function keep(key: string, shown: Shown): void {
    drop(key);
    kept.set(key, shown);
    bytes += shown.text.length;
    for (const oldest of kept.keys()) {
      if (bytes <= MOST_BYTES) break;
      drop(oldest);
    }
  }

  return {
    async read(key, now, load) {
      const known = kept.get(key);
      if (known && now() - known.at < FRESH_MS) return known;
      const underWay = asked.get(key);
      if (underWay) return within(underWay, waits_ms).catch((error: unknown) => again(error, load));
      const loading = load().then((shown) => {
        keep(key, shown);
        return shown;
      });
      asked.set(key, loading);
      try {
        return await loading;
      } finally {
        asked.delete(key);
      }
    },
  };
}

/** What X refused one it refused all. */
function again(error: unknown, load: () => Promise<Shown>): Promise<Shown> {
  if (error instanceof Problem) throw error;
  return load();
}
