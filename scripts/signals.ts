const WATCH_MS = 1_000;

/**
 * Resolves with the exit code 0 when we are asked to end: by Ctrl-C, a signal, a closed terminal, or the end of the `npm`
 * that runs us, which cannot pass on how it was killed. Asked a second time, we end at once.
 */
export function untilAsked(): Promise<number> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = (): void => {
      if (asked) process.exit(1);
      asked = true;
      resolve(0);
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, ask);
    if (process.env.npm_lifecycle_event === undefined) return;
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(watch);
      if (!asked) ask();
    }, WATCH_MS);
    watch.unref();
  });
}
