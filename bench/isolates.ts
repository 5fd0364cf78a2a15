import { pause } from "../scripts/wait.ts";
import { inspect, type Session } from "./inspector.ts";

/** What single Workers have in memory while something goes on. */
export type Isolates = {
  /** The most of each, above what it had before, when its garbage had been collected. In the order of the names. */
  during<Value>(act: () => Promise<Value>): Promise<{ came: Value; above: number[] }>;
  close(): void;
};

type Usage = { usedSize: number; embedderHeapUsedSize: number; backingStorageSize: number };

const LOOK_MS = 20;
/** A look that collects stops the Worker for a tenth of a second. */
const COLLECTING_LOOK_MS = 300;

/** Watch some Workers of a stack. `collecting`: garbage is collected before each look, so that only what is in use counts. */
export async function watchIsolates(
  state_dir: string,
  names: readonly string[],
  collecting: boolean,
): Promise<Isolates> {
  const sessions = await Promise.all(names.map((name) => inspect(state_dir, name)));
  return {
    async during(act) {
      const idle = await Promise.all(sessions.map((session) => bytesOf(session, true)));
      const going = { on: true };
      const [came, ...peaks] = await Promise.all([
        act().finally(() => (going.on = false)),
        ...sessions.map((session) => peakOf(session, collecting, going)),
      ]);
      const above = peaks.map((peak, index) => peak - (idle[index] ?? 0));
      return { came, above };
    },
    close() {
      for (const session of sessions) session.close();
    },
  };
}

async function peakOf(session: Session, collecting: boolean, going: { on: boolean }): Promise<number> {
  let peak = 0;
  while (going.on) {
    peak = Math.max(peak, await bytesOf(session, collecting));
    await pause(collecting ? COLLECTING_LOOK_MS : LOOK_MS);
  }
  return peak;
}

/**
 * As V8 counts it: the objects of scripts, those of the runtime, and the memory of all ArrayBuffers. What workerd pipes from one
 * socket to another without a script is not in it, but in the memory of the process.
 */
async function bytesOf(session: Session, collecting: boolean): Promise<number> {
  // workerd knows no other call that collects.
  if (collecting) await session.call("HeapProfiler.takeHeapSnapshot");
  const usage = await session.call<Usage>("Runtime.getHeapUsage");
  return usage.usedSize + usage.embedderHeapUsedSize + usage.backingStorageSize;
}
