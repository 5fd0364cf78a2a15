import { afterAll, beforeAll, expect, test } from "vitest";
import { pollHome } from "../../scripts/jobs.ts";
import type { FaultRule } from "../../simulator/simulator.ts";
import { POSTS, type Shares } from "../support/troubles.ts";
import { handOver } from "./hand.ts";
import { createRig, type Account, type Rig } from "./rig.ts";

const TWEETS = 6;
const ACCOUNTS = 4;
/** A lease of 75 s is over after 7.5 s. */
const TIME_SCALE = 10;
const HOME_MS = 60_000;
/** Many more than in the benches: there is less to do here. */
const SHARES: Shares = {
  "message lost": 0.2,
  "message doubled": 0.2,
  "commit failed": 0.04,
  "commit not answered": 0.04,
};

const textOf = (account: number, tweet: number): string => `tweet ${tweet} of account ${account}.`;

/** What X does to one tweet of each account, at its first post. */
const FAULTS: FaultRule["fault"][] = [
  { kind: "error", status: 503, when: "after" },
  { kind: "drop", when: "after" },
  { kind: "error", status: 502, when: "before" },
  { kind: "rate_limited", headers: false },
];

let rig: Rig;
let accounts: Account[] = [];
beforeAll(async () => {
  rig = await createRig({ time_scale: TIME_SCALE });
  accounts = [];
  for (let number = 0; number < ACCOUNTS; number++) accounts.push(await rig.connect());
  rig.simulator.setFaults(
    FAULTS.map((fault, account) => ({ match: { ...POSTS, text: textOf(account, 2) }, times: 1, fault })),
  );
});
afterAll(() => rig.close());

test("with messages lost and doubled, commits failing, X unclear and Workers dying, each tweet goes out once, in its place", async () => {
  await rig.trouble(1, SHARES);
  const handing = accounts.map(async ({ id }, number) => {
    const ids: string[] = [];
    for (let tweet = 0; tweet < TWEETS; tweet++)
      ids.push((await handOver(rig.caller, id, textOf(number, tweet))).id);
    return ids;
  });
  const all = ACCOUNTS * TWEETS;
  const posted = () => rig.simulator.tweets().length;
  await rig.tickUntil("some are posted", () => posted() > all / 4);
  await rig.restart();
  await rig.tickUntil("all are posted", () => posted() >= all);

  const home = await pollHome(rig.caller, (await Promise.all(handing)).flat(), HOME_MS);
  expect(home.filter(({ state }) => state !== "succeeded")).toEqual([]);
  expect(home).toHaveLength(all);
  expect(accounts.map(rig.texts)).toEqual(
    accounts.map((_, number) => Array.from({ length: TWEETS }, (_, tweet) => textOf(number, tweet))),
  );
  const books = new Set(rig.simulator.tweets().map(({ id }) => id));
  expect(home.filter(({ result }) => !books.has(result?.tweet_id ?? ""))).toEqual([]);
  expect(rig.simulator.faults().map(({ fired }) => fired)).toEqual(FAULTS.map(() => 1));
});
