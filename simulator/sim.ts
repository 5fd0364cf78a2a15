import { apply } from "./apply.ts";
import type { Grant, User } from "./entities.ts";
import type { Answer, Call } from "./exchange.ts";
import { lineOf } from "./journal.ts";
import { nextSnowflake } from "./snowflake.ts";
import { emptyWorld, type Fact, type World } from "./world.ts";

/** What is passed in from outside: time, chance, waiting, and where the journal goes. */
export type SimulatorOptions = {
  /** Epoch milliseconds. */
  now?: () => number;
  /** 0 up to 1. */
  random?: () => number;
  /** Used for latency and hanging answers. */
  sleep?: (ms: number) => Promise<void>;
  /** Called with one JSON line per lasting change, before the answer leaves. */
  journal?: (line: string) => void;
};

/** The world with its clock, chance and pen: what every route is given. */
export type Sim = {
  world: World;
  now: () => number;
  random: () => number;
  /** Write a fact down and let it happen. */
  commit: (fact: Fact) => void;
  /** A new id, above every other. */
  id: () => string;
};

/** One authorized request on its way: who asks, through which app, for what. */
export type Visit = {
  sim: Sim;
  call: Call;
  /** The `:id` of the path, or nothing where the route has none. */
  id: string;
  /** The id behind that, or nothing. */
  target: string;
  grant: Grant;
  user: User;
};

/** What a route does with a visit. */
export type Act = (visit: Visit) => Answer | Promise<Answer>;

/** A world without history, with the outside passed in. */
export function newSim(options: SimulatorOptions): Sim {
  const { now = Date.now, random = Math.random, journal } = options;
  const world = emptyWorld();
  return {
    world,
    now,
    random,
    commit(fact) {
      journal?.(lineOf(fact));
      apply(world, fact);
    },
    id() {
      world.last_id = nextSnowflake(now(), world.last_id);
      return world.last_id.toString();
    },
  };
}

/** Random letters and digits. */
export function randomText(random: () => number, length: number): string {
  const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  let text = "";
  for (let at = 0; at < length; at++) text += letters.charAt(Math.floor(random() * letters.length));
  return text;
}
