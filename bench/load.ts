/** A client of the HTTP API that asks much at once. Addresses without a slash at their end. */
export type Target = { url: string; simulator_url: string; admin_key: string };

type Json = Record<string, unknown>;

const call = async (url: string, key: string, body?: Json): Promise<Json> => {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const response = await fetch(
    url,
    body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers },
  );
  const answer = await response.json<Json>();
  if (!response.ok) throw new Error(`${response.status} ${url}: ${JSON.stringify(answer)}`);
  return answer;
};

/** A client with a key, and `count` X users connected to it through the real connect flow. */
export async function connectAccounts(
  target: Target,
  count: number,
): Promise<{ key: string; accounts: string[] }> {
  const return_url = `${target.url}/`;
  const client = await call(`${target.url}/v1/clients`, target.admin_key, {
    name: "bench",
    return_urls: [return_url],
  });
  const scopes = ["jobs:read", "jobs:write", "accounts:read", "accounts:write", "webhooks:write"];
  const { key } = await call(`${target.url}/v1/keys`, target.admin_key, { client_id: client.id, scopes });
  const accounts: string[] = [];
  // X's names have 15 characters at most, and belong to one client: each run has its own.
  const run = (Date.now() % 36 ** 5).toString(36);
  await inParallel(count, 8, async (index) => {
    const user = await call(`${target.simulator_url}/_sim/users`, "", { username: `b${run}_${index}` });
    const connect = await call(`${target.url}/v1/accounts/connect`, String(key), { return_url });
    accounts[index] = await consent(String(connect.authorize_url), String(user.id));
  });
  return { key: String(key), accounts };
}

/** Do what the consent page's form does when its user allows, and follow the redirects to the account's id. */
async function consent(authorizeUrl: string, userId: string): Promise<string> {
  const url = new URL(authorizeUrl);
  const form = new URLSearchParams([...url.searchParams, ["user_id", userId], ["decision", "authorize"]]);
  const allowed = await fetch(url.origin + url.pathname, { method: "POST", body: form, redirect: "manual" });
  const back = await fetch(allowed.headers.get("location") ?? "", { redirect: "manual" });
  const id = new URL(back.headers.get("location") ?? "http://nowhere/").searchParams.get("account_id");
  if (id === null) throw new Error(`not connected: ${allowed.status}, ${back.status}`);
  return id;
}

/** Post a tweet a job, `width` requests at a time, to be sent at `run_at`. Returns how many were taken a second. */
export async function acceptTweets(
  target: Target,
  who: { key: string; accounts: string[] },
  count: number,
  width: number,
  run_at: string,
): Promise<number> {
  const began = performance.now();
  await inParallel(count, width, async (index) => {
    const account_id = who.accounts[index % who.accounts.length];
    await call(`${target.url}/v1/tweets`, who.key, {
      account_id,
      text: `Tweet ${index} of ${count}, ${began}`,
      run_at,
    });
  });
  return (count / (performance.now() - began)) * 1000;
}

/** How many requests a second a route answers, `width` at a time. */
export async function rateOf(url: string, count: number, width: number): Promise<number> {
  const began = performance.now();
  await inParallel(count, width, async () => {
    await (await fetch(url)).arrayBuffer();
  });
  return (count / (performance.now() - began)) * 1000;
}

/** Wait until the simulator has `count` tweets. Throws when nothing comes for three minutes. */
export async function untilPosted(target: Target, count: number): Promise<void> {
  for (let seen = -1, since = Date.now(); ;) {
    const { total } = (await call(`${target.simulator_url}/_sim/tweets?limit=1`, "")) as { total: number };
    if (total >= count) return;
    if (total !== seen) [seen, since] = [total, Date.now()];
    if (Date.now() - since > 180_000) throw new Error(`only ${total} of ${count} were posted`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

type Posted = { text: string; created_at: number };

/** Every tweet in the simulator's books. */
export async function postedTweets(target: Target): Promise<Posted[]> {
  const tweets: Posted[] = [];
  for (let cursor = ""; ;) {
    const url = `${target.simulator_url}/_sim/tweets?limit=10000${cursor && `&cursor=${cursor}`}`;
    const page = (await call(url, "")) as { tweets: Posted[]; next_cursor: string | null };
    tweets.push(...page.tweets);
    if (page.next_cursor === null) return tweets;
    cursor = page.next_cursor;
  }
}

async function inParallel(
  count: number,
  width: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, one));
}
