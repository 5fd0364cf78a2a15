import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../scripts/ports.ts";
import { startStack } from "../scripts/stack.ts";
import { percentile } from "../scripts/table.ts";
import { connectAccounts } from "./load.ts";

/** What tweets say, by what their texts need to be checked. */
export const TEXTS = {
  plain: (n: number) =>
    `Tweet ${n}: it was the best of times, it was the worst of times, it was the age of wisdom`,
  accents: (n: number) =>
    `Tweet ${n} : c’était le meilleur et le pire des temps – l’âge de la sagesse, à l’été où tout commença`,
  japanese: (n: number) =>
    `${n}件目:それは最良の時代でもあれば、最悪の時代でもあった。知恵の時代でもあれば、愚かさの時代でもあった`,
  "emoji and links": (n: number) =>
    `Tweet ${n} 🎉 it was the best of times 👩‍💻 read on: https://example.com/tale/${n}`,
};

type Times = { items: number; ms: Record<keyof typeof TEXTS, number> };

const ACCOUNTS = 50;
const MINUTE_MS = 60_000;
/** Nothing is due while this measures. */
const AHEAD_MS = 24 * 60 * MINUTE_MS;

/** Batches of these sizes, each kind of text so many times, from the request to the whole answer. */
export async function acceptTimes(sizes: readonly number[], rounds: number): Promise<Times[]> {
  const state_dir = mkdtempSync(join(tmpdir(), "tap-batch-"));
  const [port = 0, simulator_port = 0] = await freePorts(2);
  const stack = startStack({ port, simulator_port, state_dir, admin_key: null, other_x: null });
  try {
    const { url, simulator_url, admin_key } = await stack.ready;
    const who = await connectAccounts({ url, admin_key, simulator_url: simulator_url ?? "" }, ACCOUNTS);
    const times: Times[] = [];
    for (const items of sizes) {
      const ms = { plain: 0, accents: 0, japanese: 0, "emoji and links": 0 };
      for (const name of Object.keys(TEXTS) as (keyof typeof TEXTS)[]) {
        const taken: number[] = [];
        for (let round = 0; round < rounds; round++) taken.push(await post(url, who, items, TEXTS[name]));
        ms[name] = percentile(taken, 0.5);
      }
      times.push({ items, ms });
    }
    return times;
  } finally {
    await stack.stop();
    rmSync(state_dir, { recursive: true, force: true });
  }
}

async function post(
  url: string,
  { key, accounts }: { key: string; accounts: string[] },
  count: number,
  textOf: (n: number) => string,
): Promise<number> {
  const first = Date.now() + AHEAD_MS;
  const items = Array.from({ length: count }, (_, n) => ({
    account_id: accounts[n % accounts.length],
    text: textOf(n),
    run_at: new Date(first + n * MINUTE_MS).toISOString(),
  }));
  const body = JSON.stringify({ items });
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const began = performance.now();
  const response = await fetch(`${url}/v1/batches`, { method: "POST", headers, body });
  const answer = await response.json<{ accepted: number }>();
  const ms = performance.now() - began;
  if (response.status !== 202 || answer.accepted !== count) throw new Error(JSON.stringify(answer));
  return ms;
}
