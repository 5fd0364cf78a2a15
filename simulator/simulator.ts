import { apply } from "./apply.ts";
import { appBook, engagementBook, grantBook, mediaBook, tweetBook } from "./books.ts";
import { Calls } from "./calls.ts";
import { control } from "./control-routes.ts";
import {
  BadControl,
  changeSettings,
  endGrant,
  expireAccess,
  saveApp,
  saveGrant,
  saveUser,
} from "./controls.ts";
import type { NewApp, NewGrant, NewUser, TokenResponse, Which } from "./controls.ts";
import type { User } from "./entities.ts";
import { callOf, Dropped, responseOf, type Answer, type Call } from "./exchange.ts";
import { Faults, faultsFlaw, type FaultRule } from "./faults.ts";
import { passing } from "./gateway.ts";
import { factOf } from "./journal.ts";
import { limits, Windows } from "./limits.ts";
import { misbehave } from "./misbehave.ts";
import type { Settings, Window } from "./settings.ts";
import { newSim, type SimulatorOptions } from "./sim.ts";

export { Dropped };
export type {
  Answer,
  Call,
  FaultRule,
  NewApp,
  NewGrant,
  NewUser,
  Settings,
  SimulatorOptions,
  TokenResponse,
  User,
  Which,
};

/** A local X with its controls and books; the same things stand under `/_sim` over HTTP. */
export type Simulator = {
  /** Throws `Dropped` for a dropped connection, and the signal's reason when the request is aborted. */
  fetch: (request: Request) => Promise<Response>;
  /** The same without web objects around it. */
  handle: (call: Call) => Promise<Answer>;
  /** Rebuild the world from the lines of a journal. */
  replay: (lines: Iterable<string>) => void;
  /** Forget everything: the world, the rules, the windows and the calls. */
  reset: () => void;
  createApp: (app: NewApp) => void;
  createUser: (user: NewUser) => User;
  createGrant: (grant: NewGrant) => TokenResponse & { grant_id: string };
  revokeGrant: (grant_id: string) => void;
  /** Access tokens end now, everyone's or those of a user or a grant; how many grants that met. */
  expireAccess: (which?: Which) => number;
  apps: () => ReturnType<typeof appBook>["apps"];
  users: () => User[];
  grants: () => ReturnType<typeof grantBook>["grants"];
  tweets: (user_id?: string) => ReturnType<typeof tweetBook>["tweets"];
  tweetPage: (user_id?: string, limit?: number, cursor?: number) => ReturnType<typeof tweetBook>;
  media: () => ReturnType<typeof mediaBook>["media"];
  engagements: () => ReturnType<typeof engagementBook>["engagements"];
  calls: () => ReturnType<Calls["show"]>;
  clearCalls: () => void;
  setFaults: (rules: FaultRule[]) => void;
  faults: () => ReturnType<Faults["list"]>;
  settings: () => Settings;
  setSettings: (change: Partial<Settings>) => Settings;
};

const anyWindow: Window = [100, 900];

/** A new X in which nothing is registered. */
export function createSimulator(options: SimulatorOptions = {}): Simulator {
  const { sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)) } = options;
  const sim = newSim(options);
  const windows = new Windows();
  const calls = new Calls();
  const faults = new Faults(sim.random);

  async function handle(call: Call): Promise<Answer> {
    if (call.path === "/_sim" || call.path.startsWith("/_sim/")) return control(simulator, call);
    const { name, user_id, act } = passing(sim, windows, call);
    // Whose call it was is asked before acting: a used code is gone afterwards.
    const user = user_id();
    const { fault, latency_ms } = faults.pick({ ...call, user_id: () => user });
    const wait = latency_ms + sim.world.settings.latency_ms;
    if (wait > 0) await sleep(wait);
    const at = sim.now();
    const entry = { method: call.method, path: call.path, user_id: user, at };
    try {
      const around = { now_ms: at, window: limits[name]?.user ?? anyWindow, sleep };
      const answer = fault ? await misbehave(fault, act, around) : await act();
      calls.note(name, { ...entry, status: answer.status });
      return stamp(answer);
    } catch (error) {
      if (error instanceof Dropped) calls.note(name, { ...entry, status: 0 });
      throw error;
    }
  }

  // The headers every answer of X has; what a fault set stays.
  function stamp(answer: Answer): Answer {
    const id = Math.floor(sim.random() * 0x1_0000_0000_0000)
      .toString(16)
      .padStart(16, "0");
    const own = {
      date: new Date(sim.now()).toUTCString(),
      server: "cloudflare envoy",
      "api-version": "2.167",
      "x-transaction-id": id,
      "x-response-time": "1",
    };
    return { ...answer, headers: { ...own, ...answer.headers } };
  }

  const simulator: Simulator = {
    handle,
    async fetch(request) {
      const call = await callOf(request);
      return responseOf(await untilAborted(handle(call), request.signal));
    },
    replay(lines) {
      for (const line of lines) {
        const fact = factOf(line);
        if (fact) apply(sim.world, fact);
      }
    },
    reset() {
      sim.commit({ type: "world.reset" });
      windows.clear();
      calls.clear();
      faults.set([]);
    },
    createApp: (app) => {
      saveApp(sim, app);
    },
    createUser: (user) => saveUser(sim, user),
    createGrant: (grant) => saveGrant(sim, grant),
    revokeGrant: (grant_id) => {
      endGrant(sim, grant_id);
    },
    expireAccess: (which = {}) => expireAccess(sim, which),
    apps: () => appBook(sim).apps,
    users: () => [...sim.world.users.values()],
    grants: () => grantBook(sim).grants,
    tweets: (user_id) => tweetBook(sim, user_id, Infinity).tweets,
    tweetPage: (user_id, limit, cursor) => tweetBook(sim, user_id, limit, cursor),
    media: () => mediaBook(sim).media,
    engagements: () => engagementBook(sim).engagements,
    calls: () => calls.show(),
    clearCalls: () => {
      calls.clear();
    },
    setFaults(rules) {
      const flaw = faultsFlaw(rules);
      if (flaw) throw new BadControl(flaw);
      faults.set(rules);
    },
    faults: () => faults.list(),
    settings: () => ({ ...sim.world.settings }),
    setSettings: (change) => changeSettings(sim, change),
  };
  return simulator;
}

// A caller that gives up must see its own abort, as with a real network, while the world goes on.
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | null): Promise<T> {
  if (!signal) return work;
  let leave: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    leave = () => {
      reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    };
    signal.addEventListener("abort", leave);
    if (signal.aborted) leave();
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (leave) signal.removeEventListener("abort", leave);
  }
}
