/**
 * Batches: how long `POST /v1/batches` takes for 100, 1,000 and 10,000 tweets over a real local stack (medians), by what stands in
 * their texts; and how many rows D1 writes and reads for a tweet of one account, from its batch to its end, while 100, 10,000 and
 * 100,000 of it wait, through X's windows in virtual time. Of many, the first 500 are posted, which is what takes this bench long.
 *
 *   npm run bench batch [accept | rows] [tweets to post]
 */
import { acceptTimes, TEXTS } from "./batch-accept.ts";
import { rowsOf } from "./batch-rows.ts";

const SIZES = [100, 1_000, 10_000];
const ROUNDS = 5;
const TWEETS = [100, 10_000, 100_000];

const [only, post = "500"] = process.argv.slice(2);

if (only !== "rows") {
  const names = Object.keys(TEXTS) as (keyof typeof TEXTS)[];
  console.log(`POST /v1/batches, ms, medians of ${ROUNDS}\n`);
  console.log(line("items", ...names, ""));
  const times = await acceptTimes(SIZES, ROUNDS);
  for (const { items, ms } of times) console.log(line(items, ...names.map((name) => ms[name].toFixed(0))));
}

if (only !== "accept") {
  console.log(
    "\ntweets of one account, in batches of up to 10,000; rows for each: to take it, to post it, both\n",
  );
  console.log(line("tweets", "posted", "written", "", "", "read", "", "", "429s", "hours"));
  for (const tweets of TWEETS) {
    const { taking, posting, posted, refused, hours } = await rowsOf(tweets, Math.min(tweets, Number(post)));
    const rows = (name: "written" | "read") =>
      [taking[name], posting[name], taking[name] + posting[name]].map((value) => value.toFixed(2));
    console.log(line(tweets, posted, ...rows("written"), ...rows("read"), refused, hours.toFixed(1)));
  }
}
process.exit(0);

function line(...cells: (string | number)[]): string {
  const width = Math.floor(120 / cells.length);
  return cells.map((cell) => String(cell).padStart(width)).join("");
}
