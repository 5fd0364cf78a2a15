import type { Look } from "#core/store/lanes";
import type { Counts } from "#core/store/tallies";
import type { Work } from "./commit.ts";
import { createTally, type Tallying } from "./tally.ts";

/** What is counted of the lanes of a turn, until hand-backs write it. */
export type Counting = {
  add(lane: string, counts: Counts): void;
  /**
   * Put into a commit what is counted, so that it is found wherever the Worker dies: added to the tallies with a hand-back, else with the
   * job that is claimed, else on a lane's row.
   */
  into(work: Work): void;
  /** Hear what a commit has left. */
  heard(looks: ReadonlyMap<string, Pick<Look, "running">>): void;
};

type Lane = {
  tally: Tallying;
  /** Something was counted since a commit last knew. */
  fresh: boolean;
  /** Its row may have what was counted of it. */
  written: boolean;
};

export function createCounting(): Counting {
  const lanes = new Map<string, Lane>();
  const of = (name: string): Lane => {
    const lane = lanes.get(name) ?? { tally: createTally(), fresh: false, written: false };
    lanes.set(name, lane);
    return lane;
  };
  const add = (name: string, counts: Counts): void => {
    const lane = of(name);
    for (const [key, value] of Object.entries(counts)) lane.tally.add(key, value);
    lane.fresh = true;
  };
  let claimed: string[] = [];

  /** What is counted of lanes that now wait for a slot goes along with another's: they are held and lost together. */
  function join({ handBacks, claims }: Work): void {
    const leaving = new Set([...handBacks, ...claims].map(({ lane }) => lane));
    const kept = [...lanes].filter(([name, { fresh }]) => fresh && !leaving.has(name));
    const [other] = leaving;
    const sink = other ?? [...lanes].find(([, { written }]) => written)?.[0] ?? kept[0]?.[0];
    for (const [name, { tally, written }] of kept) {
      if (sink === undefined || name === sink || written) continue;
      add(sink, tally.take());
      lanes.delete(name);
    }
  }

  return {
    add,
    into(work) {
      join(work);
      for (const { lane } of work.handBacks) {
        const counts = lanes.get(lane)?.tally.take() ?? {};
        if (Object.keys(counts).length > 0) work.counted.push({ lane, counts });
        lanes.delete(lane);
      }
      claimed = work.claims.map(({ lane }) => lane);
      for (const claim of work.claims) {
        const lane = lanes.get(claim.lane);
        if (lane) claim.carried = JSON.stringify(lane.tally.counts());
      }
      for (const [name, lane] of lanes) {
        if (!lane.fresh) continue;
        work.carried.push({ lane: name, carried: JSON.stringify(lane.tally.counts()) });
        lane.fresh = false;
        if (!claimed.includes(name)) lane.written = true;
      }
    },
    heard(looks) {
      for (const name of claimed) {
        const lane = lanes.get(name);
        if (lane && looks.get(name)?.running !== 1) lane.written = true;
      }
    },
  };
}
