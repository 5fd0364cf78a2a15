import { redriveDead } from "#core/jobs/redrive";
import { stage } from "#core/jobs/stage";
import { HOUR_MS, MINUTE_MS } from "#core/lib/clock";
import * as jobs from "#core/store/jobs";
import type { JobRow } from "#core/store/jobs";
import type { LaneRow } from "#core/store/lanes";
import type { Counts } from "#core/store/tallies";
import { first } from "#core/store/sql";
import type { FaultRule } from "../../simulator/simulator.ts";
import { createMortal, type Death } from "../support/mortal.ts";
import { doings, type Deed, type KindName } from "./deeds.ts";
import { createWorld, START, type World } from "./world.ts";

/** What a job has come to when a Worker dies on it. */
export type Situation = {
  title: string;
  /** How X takes it. What is silent is so once. */
  x: "does it" | "refuses it" | "does it in silence" | "is silent";
  /** Workers that have died on it before. */
  deaths: readonly Death[];
  /** X has refused it, and its client has asked for it again. */
  redriven: boolean;
  /** Whether the next job of the account is due at once, or a minute later. */
  next_at_once: boolean;
};

export type Row = Pick<
  JobRow,
  "state" | "open" | "maybe_sent" | "attempts" | "crashes" | "error" | "started_at" | "finished_at"
>;

/** What there was when the Worker was dead, and what became of it. */
export type Story = {
  ended: "died" | "settled";
  /** Its steps. */
  trail: string[];
  left: Row;
  /** As the first Worker found it that took its lane over; null when it was not running. */
  rescued: Row | null;
  end: Row;
  ended_at: number;
  /** From the death until its end. */
  took_ms: number;
  /** How often X has done it, and was asked to. */
  done: number;
  asked: number;
  /** Events that say a person must find out what became of it. */
  events: number;
  next: Row;
  next_done: number;
  /** Lanes that are held, or have something to do, an hour later. */
  lanes: LaneRow[];
  /** Jobs that have ended, by kind and state, as they stand in the table, and as they are counted for whoever watches. */
  ends: Record<"stand" | "counted", Counts>;
};

const ENDS_MS = HOUR_MS;
/** What stands in another lane goes out when all is over, so that no Worker dies on it. */
const ELSEWHERE_MS = 30 * MINUTE_MS;

/** A job of a kind in a situation, a Worker that dies on it, and all that comes after. */
export async function tell(kind: KindName, situation: Situation, death: Death): Promise<Story> {
  const seen: (Row & { at: number })[] = [];
  let id = "";
  const world = await createWorld({
    random: () => 0.5,
    x_random: goldenSteps(),
    // Until all that is ready is done: a lease and the first claim meet in one commit, as they do deployed.
    sleep: () => new Promise((done) => setImmediate(done)),
    ran: (read) => {
      const [row] = read("SELECT * FROM jobs WHERE id = ?", id) as (Row & { sequence: number })[];
      if (row && row.sequence !== (seen.at(-1) as typeof row | undefined)?.sequence)
        seen.push({ ...row, at: world.now() });
    },
  });
  const owner = await world.connect("ada");
  const doing = doings[kind];
  const [deed, nextDeed] = [
    await doing.deed(world, owner, 1),
    await doings[doing.next].deed(world, owner, 2),
  ];
  const life = lifeOf(world, deed);
  const job = () => find(world, id);

  world.simulator.setFaults(faultsOf(deed, situation));
  id = await world.post(kind, deed.params);
  if (situation.redriven) {
    await life.goOn(null, async () => isEnded(await job()));
    world.simulator.setFaults([]);
    await redrive(world, kind, id);
  }
  const isBehind = doing.next === kind;
  const next_ms = !isBehind ? ELSEWHERE_MS : situation.next_at_once ? 0 : MINUTE_MS;
  // Not in the same instant: then either could be the first.
  world.goTo(world.now() + 1);
  const next_id = await world.post(doing.next, nextDeed.params, world.now() + next_ms);
  for (const earlier of situation.deaths) await life.goOn(earlier, async () => false);

  const { ended, trail } = await life.goOn(death, async () => isEnded(await job()));
  const [left, died_at, from] = [await job(), world.now(), seen.length];
  await life.goOn(
    null,
    async () =>
      isEnded(await job()) && isEnded(await find(world, next_id)) && (await busy(world)).length === 0,
  );
  const end = await job();
  const ended_at = seen.at(-1)?.at ?? died_at;
  return {
    ended,
    trail,
    left,
    rescued: seen.slice(from).find(({ crashes }) => crashes > left.crashes) ?? null,
    end,
    ended_at,
    took_ms: Math.max(0, ended_at - died_at),
    done: deed.done(),
    asked: life.asked(),
    events: await eventsOf(world, id),
    next: await find(world, next_id),
    next_done: nextDeed.done(),
    lanes: await busy(world),
    ends: await endsOf(world),
  };
}

async function endsOf({ db }: World): Promise<Story["ends"]> {
  const found = await db
    .prepare(
      "SELECT kind || '|' || state AS name, count(*) AS count FROM jobs WHERE finished_at IS NOT NULL GROUP BY 1",
    )
    .all<{ name: string; count: number }>();
  const stand = Object.fromEntries(found.results.map(({ name, count }) => [name, count]));
  const tallies = await db
    .prepare("SELECT counts FROM tallies WHERE name = 'jobs'")
    .first<{ counts: string }>();
  const counted: Counts = {};
  for (const [key, count] of Object.entries(JSON.parse(tallies?.counts ?? "{}") as Counts)) {
    const [what, kind = "", state] = key.split("|");
    // What X had refused was asked for again.
    if (what === "redriven") counted[`${kind}|failed`] = (counted[`${kind}|failed`] ?? 0) - count;
    if (what === "ended") counted[`${kind}|${state}`] = (counted[`${kind}|${state}`] ?? 0) + count;
  }
  return { stand, counted: Object.fromEntries(Object.entries(counted).filter(([, count]) => count !== 0)) };
}

/** Numbers that never come twice, and the same in every world. */
function goldenSteps(): () => number {
  let at = 0;
  return () => (at = (at + 0.618033988749895) % 1);
}

/** Final, or left to a person. */
const isEnded = ({ open }: Row): boolean => open === null;

function faultsOf({ match, no }: Deed, { x, redriven }: Situation): FaultRule[] {
  if (x === "refuses it" || redriven) return [{ match, fault: no }];
  if (x === "does it in silence") return [{ match, times: 1, fault: { kind: "drop", when: "after" } }];
  return x === "is silent" ? [{ match, times: 1, fault: { kind: "error", status: 503 } }] : [];
}

/** The world as it goes on. */
function lifeOf(world: World, deed: Deed) {
  let tick = START + MINUTE_MS;
  let asked = 0;

  /** A Worker of which nothing but its messages is left when it dies. */
  function worker(mortal: ReturnType<typeof createMortal>) {
    const ask = async (request: Request) => {
      if (await isOf(deed, request.clone())) asked++;
      return world.simulator.fetch(request);
    };
    return world.worker({
      database: mortal.database,
      network: (request) =>
        mortal.step(
          () => ask(request),
          () => callOf(request),
        ),
      queue: mortal.queue(world.queue),
      kv: mortal.kv(world.kv),
    });
  }

  return {
    /** How often X was asked to do it. */
    asked: () => asked,
    /**
     * Until `until`, which is looked at after each turn, or until the Worker that lives by `death` is dead. It lasts for as many
     * turns as that takes, and its message dies with it. The clock is another Worker.
     */
    async goOn(death: Death | null, until: () => Promise<boolean>) {
      const mortal = createMortal(death ?? { step: Infinity, when: "after" });
      const told = (ended: Story["ended"]) => ({ ended, trail: mortal.trail() });
      while (world.now() < START + ENDS_MS) {
        for (let batch = world.take(); batch !== null; batch = world.take()) {
          const turn = world.turn(batch, worker(mortal)).then(() => "settled" as const);
          if ((await Promise.race([turn, mortal.died])) !== "settled") return told("died");
          if (await until()) return told("settled");
        }
        world.goTo(Math.min(tick, world.next()));
        if (world.now() < tick) continue;
        await stage(world.worker());
        tick += MINUTE_MS;
      }
      return told("settled");
    },
  };
}

/** A call without what differs from run to run. */
const callOf = ({ method, url }: Request): string =>
  `ask X: ${method} ${new URL(url).pathname.replace(/\d{5,}/g, ":id")}`;

async function isOf({ match: { method, path = "", text = "" } }: Deed, request: Request): Promise<boolean> {
  const isThere =
    (method ?? request.method) === request.method && new RegExp(path).test(new URL(request.url).pathname);
  return isThere && (await request.text()).includes(text);
}

/** As `POST /v1/jobs/{id}/retry` does. */
async function redrive(world: World, kind: KindName, id: string): Promise<void> {
  const { wakes } = await redriveDead(world.worker(), world.client_id, [{ id, kind }]);
  for (const { lane, wait_ms } of wakes) world.send(lane, wait_ms);
}

async function find({ db, client_id }: World, id: string): Promise<Row> {
  const row = await first<JobRow>(jobs.find(db, client_id, id));
  if (!row) throw new Error(`no job ${id}`);
  return row;
}

async function eventsOf({ db }: World, id: string): Promise<number> {
  const found = db.prepare("SELECT id FROM events WHERE type = 'job.unknown' AND subject = ?");
  return (await found.bind(id).all()).results.length;
}

/** Lanes that somebody holds or has something to do with. */
async function busy({ db }: World): Promise<LaneRow[]> {
  const all = db.prepare("SELECT * FROM lanes WHERE lease IS NOT NULL OR next_at IS NOT NULL");
  return (await all.all<LaneRow>()).results;
}
