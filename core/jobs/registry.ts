import type { Kind, QueueName } from "./define.ts";

/** The kinds an engine works with, and what follows from the list of them. */
export type Kinds = {
  find(name: string): Kind | null;
  /** The queue whose consumer works a lane, by the part of its name before the colon. */
  queueOfLane(lane: string): QueueName | null;
  /** The lanes in which an account's jobs wait for its token, without the account. */
  laneNames: readonly string[];
  /** Kinds that must not be done twice. */
  unrepeatable: readonly string[];
  /** Kinds that can look for what they may have done. */
  reconcilable: readonly string[];
  /** Every kind. */
  all: readonly string[];
  /** The kinds that clients may ask for. */
  names: readonly string[];
  /** Those of them that a list shows without being asked for the kind. */
  listed: readonly string[];
};

export function createKinds(list: readonly Kind[]): Kinds {
  const byName = new Map(list.map((kind) => [kind.name, kind]));
  const queues = new Map(list.map((kind) => [kind.lane, kind.queue]));
  return {
    find: (name) => byName.get(name) ?? null,
    queueOfLane: (lane) => queues.get(lane.split(":")[0] ?? "") ?? null,
    laneNames: [...new Set(list.filter((kind) => kind.token).map((kind) => kind.lane))],
    unrepeatable: list.filter((kind) => !kind.repeatable).map((kind) => kind.name),
    reconcilable: list.filter((kind) => kind.reconcile !== undefined).map((kind) => kind.name),
    all: list.map((kind) => kind.name),
    names: list.filter((kind) => kind.internal !== true).map((kind) => kind.name),
    listed: list
      .filter((kind) => kind.internal !== true && kind.housekeeping !== true)
      .map((kind) => kind.name),
  };
}
