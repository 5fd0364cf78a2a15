/** So many rounds of the event loop in which nothing happens, and nothing will: whoever still waits for X waits for ever. */
const QUIET_ROUNDS = 50;

/**
 * Ends calls that X leaves without an answer as soon as nothing else goes on, all of them together. The timer of a call would end
 * them by real time: then it depended on the machine what else had been done by then, and no seed would give the same run twice.
 */
export function createSilence() {
  const waiting = new Set<() => void>();
  let happened = 0;
  let isWatching = false;

  function watch(seen: number, quiet: number): void {
    if (waiting.size === 0) {
      isWatching = false;
      return;
    }
    const still = seen === happened ? quiet + 1 : 0;
    if (still >= QUIET_ROUNDS) for (const end of [...waiting]) end();
    setImmediate(watch, happened, still >= QUIET_ROUNDS ? 0 : still);
  }

  return {
    /** Something goes on. */
    stir: (): void => {
      happened++;
    },
    /** The answer to a call, or a rejection when there is none and all is quiet. */
    async broken<Answer>(call: Promise<Answer>): Promise<Answer> {
      happened++;
      let end: () => void = () => undefined;
      const ended = new Promise<never>((_, reject) => {
        end = () => {
          waiting.delete(end);
          reject(new Error("no answer"));
        };
      });
      waiting.add(end);
      if (!isWatching) {
        isWatching = true;
        setImmediate(watch, happened, 0);
      }
      try {
        return await Promise.race([call, ended]);
      } finally {
        waiting.delete(end);
        happened++;
      }
    },
  };
}
