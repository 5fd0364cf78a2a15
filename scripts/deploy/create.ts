import { databasesIn, namespacesIn, rulesOf, type Account } from "./account.ts";
import type { Ids, Resources } from "./configs.ts";
import { run, WranglerFailed, type Wrangler } from "./wrangler.ts";

export type Say = (text: string) => void;

/** Make what is missing, and find out the ids of all of it. */
export async function createMissing(
  wrangler: Wrangler,
  { queues, databases, namespaces, buckets }: Resources,
  account: Account,
  { say, location }: { say: Say; location: string | null },
): Promise<Ids> {
  const create = async (what: string, args: string[]): Promise<void> => {
    say(`create the ${what}`);
    await runUnlessThere(wrangler, args);
  };
  for (const name of queues.filter((one) => !account.queues.has(one)))
    await create(`queue ${name}`, ["queues", "create", name]);
  const place = location === null ? [] : ["--location", location];
  for (const name of databases.filter((one) => !account.databases.has(one)))
    await create(`database ${name}`, ["d1", "create", name, ...place]);
  for (const title of namespaces.filter((one) => !account.namespaces.has(one)))
    await create(`KV namespace ${title}`, ["kv", "namespace", "create", title]);
  for (const name of buckets.filter((one) => !account.buckets.has(one)))
    await create(`R2 bucket ${name}`, ["r2", "bucket", "create", name]);
  for (const name of buckets) await setRule(wrangler, name, say);
  return { databases: await databasesIn(wrangler), namespaces: await namespacesIn(wrangler) };
}

/** The list may not show all there is, and somebody else may be at it: what is there already is as good as made. */
async function runUnlessThere(wrangler: Wrangler, args: string[]): Promise<void> {
  const answer = await wrangler(args);
  if (answer.code !== 0 && !/already (exists|taken|in use)/i.test(answer.stdout + answer.stderr))
    throw new WranglerFailed(args, answer);
}

const RULE = "orphans";
const ORPHAN_DAYS = 400;

/** Objects that no row knows of any more go by the bucket's own rule; what is known goes by `prune` long before. */
async function setRule(wrangler: Wrangler, bucket: string, say: Say): Promise<void> {
  if ((await rulesOf(wrangler, bucket)).has(RULE)) return;
  say(`let ${bucket} forget uploads after ${ORPHAN_DAYS} days`);
  const rule = ["uploads/", "--expire-days", String(ORPHAN_DAYS), "--force"];
  await run(wrangler, ["r2", "bucket", "lifecycle", "add", bucket, RULE, ...rule]);
}
