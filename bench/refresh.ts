/**
 * A week of tokens in virtual time: accounts that are connected together, nothing but the clock's tick once a minute, and X's own
 * books at the end. Every expiry should have one refresh, none lost, none doubled, and no token should ever have expired.
 *
 *   npm run bench refresh [accounts] [days]
 */
import { stage } from "#core/jobs/stage";
import { DAY_MS, MINUTE_MS } from "#core/lib/clock";
import { createWorld, START } from "../test/virtual/world.ts";

const COUNT = Number(process.argv[2] ?? 500);
const DAYS = Number(process.argv[3] ?? 7);
const TICK_MS = MINUTE_MS;

const world = await createWorld();
const { simulator, db } = world;
const consumer = world.worker();
// All in one minute, as after a migration.
for (let i = 0; i < COUNT; i++) await world.connect(`u_${i}`);

const began = performance.now();
let expired = 0;
for (let time = START; time < START + DAYS * DAY_MS; time += TICK_MS) {
  world.goTo(time);
  await stage(consumer);
  for (let batch = world.take(); batch !== null; batch = world.take()) await world.turn(batch, consumer);
  expired += simulator.grants().filter(({ access_expires_at }) => access_expires_at <= time).length;
}
await report(expired, (performance.now() - began) / 1000);

async function report(expired: number, seconds: number): Promise<void> {
  type Totals = { versions: number; connected: number };
  const totals = await db
    .prepare("SELECT sum(token_version - 1) AS versions, sum(state = 'connected') AS connected FROM accounts")
    .first<Totals>();
  const { results } = await db
    .prepare("SELECT state, count(*) AS count FROM jobs GROUP BY state")
    .all<{ state: string; count: number }>();
  const versions = totals?.versions ?? 0;
  const each = simulator.grants().map(({ refreshes }) => refreshes);
  const atX = each.reduce((sum, count) => sum + count, 0);
  const lines: [string, string | number][] = [
    ["accounts", COUNT],
    ["simulated days", DAYS],
    ["token versions that came to their refresh", versions],
    ["refreshes in X's books", atX],
    ["  for one account, fewest and most", `${Math.min(...each)} and ${Math.max(...each)}`],
    ["doubled (X's beyond the versions that moved)", atX - versions],
    ["lost (grants revoked)", simulator.grants().filter(({ revoked }) => revoked).length],
    ["minutes in which an account's token had expired", expired],
    ["accounts connected at the end", totals?.connected ?? 0],
    ["refresh jobs by state", results.map(({ state, count }) => `${count} ${state}`).join(", ")],
    ["wall time", `${seconds.toFixed(0)} s`],
  ];
  for (const [name, value] of lines) console.log(`${name.padEnd(50)} ${value}`);
}
