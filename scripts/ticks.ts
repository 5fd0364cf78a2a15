export type Ticks = {
  /** Tick now, and wait until that is done. Rejects when the producer does not answer. */
  now: () => Promise<void>;
  stop: () => void;
};

/** Cron triggers never fire by themselves locally: tick the producer's clock, once at the start and then every `every_ms`. */
export function startTicks(url: string, every_ms: number): Ticks {
  const stopped = new AbortController();
  const now = async (): Promise<void> => {
    const response = await fetch(`${url}/cdn-cgi/local/scheduled?cron=*+*+*+*+*`, { signal: stopped.signal });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the tick was answered ${response.status}`);
  };
  // A Worker that is being reloaded misses a tick; the next one finds what that would have found.
  const tick = (): void => void now().catch(() => undefined);
  tick();
  const timer = setInterval(tick, every_ms);
  return {
    now,
    stop() {
      clearInterval(timer);
      stopped.abort();
    },
  };
}
