import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { workerSources } from "../../../scripts/configs.ts";
import type { Options } from "../../../scripts/deploy/options.ts";
import { deploy, type Outside } from "../../../scripts/deploy/run.ts";
import { makeKey } from "../../../scripts/keyring.ts";
import { PretendAccount } from "./pretend.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "deploy-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

type More = { options?: Partial<Options>; environment?: Record<string, string>; ask?: Outside["ask"] };

/** Deploy to an account. Resolves with all that was said, and rejects as `deploy` does. */
async function run(account: PretendAccount, { options, environment = {}, ask = null }: More = {}) {
  const said: string[] = [];
  const plain = { dry_run: false, replace: [], databases: 1, free: false, location: null, account_id: null };
  await deploy(
    { ...plain, folder, ...options },
    {
      wrangler: () => account.wrangler,
      environment,
      ask,
      say: (text) => said.push(text),
      fetch: async () => Response.json({ status: "ok" }),
      pause: async () => undefined,
    },
  );
  return said;
}

/** What an account has come to, without the values of secrets. */
const shape = ({ queues, databases, namespaces, buckets, workers, migrated }: PretendAccount) => ({
  queues: [...queues].sort(),
  databases: [...databases],
  namespaces: [...namespaces],
  buckets: [...buckets],
  migrated: [...migrated],
  workers: [...workers]
    .map(([name, { secrets, config }]) => [name, [...secrets.keys()].sort(), config])
    .sort(),
});

const secretOf = (account: PretendAccount, worker: string, name: string) =>
  account.workers.get(worker)?.secrets.get(name);

/** A secret as every Worker that has it has it: one value when they agree. */
const valuesOf = (account: PretendAccount, name: string) =>
  new Set([...account.workers.values()].flatMap(({ secrets }) => secrets.get(name) ?? []));

describe("on an empty account", () => {
  test("everything is made, and every Worker deployed with the ids of the account", async () => {
    const account = new PretendAccount();
    await run(account);
    expect(shape(account)).toMatchObject({
      queues: ["tap-dead-letters", "tap-media", "tap-refresh", "tap-tweets", "tap-webhooks"],
      databases: [["twitter-api-proxy", "uuid-of-twitter-api-proxy"]],
      namespaces: [["twitter-api-proxy-tokens", "id-of-twitter-api-proxy-tokens"]],
      buckets: [["twitter-api-proxy-media", ["orphans"]]],
      migrated: ["uuid-of-twitter-api-proxy"],
    });
    expect(account.workers.size).toBe(workerSources().length);
    for (const { config } of account.workers.values())
      for (const { database_id } of config.d1_databases ?? [])
        expect(database_id).toBe("uuid-of-twitter-api-proxy");
  });

  test("the consumers go first and the producer last, after what they need", async () => {
    const account = new PretendAccount();
    await run(account);
    const verbs = account.changes.map((call) => call.split(" ").slice(0, 2).join(" "));
    const deployed = [...account.workers.keys()];
    expect(deployed.at(-1)).toBe("tap-producer");
    expect(verbs.slice(-deployed.length).every((verb) => verb.startsWith("deploy"))).toBe(true);
    expect(verbs.at(-deployed.length - 1)).toBe("d1 migrations");
  });

  test("each Worker gets its own secrets and no others, and those that are shared are the same", async () => {
    const account = new PretendAccount();
    await run(account, { environment: { X_CLIENT_ID: "app", X_CLIENT_SECRET: "quiet" } });
    const names = (worker: string) => [...(account.workers.get(worker)?.secrets.keys() ?? [])].sort();
    expect(names("tap-tweets")).toEqual(["TOKEN_KEYS"]);
    expect(names("tap-refresh")).toEqual(["TOKEN_KEYS", "X_CLIENT_ID", "X_CLIENT_SECRET"]);
    expect(names("tap-webhooks")).toEqual(["WEBHOOK_KEYS"]);
    expect(names("tap-dead-letters")).toEqual([]);
    expect(names("tap-producer")).toHaveLength(6);
    for (const name of names("tap-producer")) expect(valuesOf(account, name).size).toBe(1);
    expect(secretOf(account, "tap-producer", "X_CLIENT_SECRET")).toBe("quiet");
  });

  test("no secret is said or stands in a command, and no file of secrets is left but the one that is kept", async () => {
    const account = new PretendAccount();
    const said = await run(account, { environment: { X_CLIENT_ID: "app-id-1", X_CLIENT_SECRET: "quiet-2" } });
    const values = [...account.workers.values()].flatMap(({ secrets }) => [...secrets.values()]);
    expect(values.length).toBeGreaterThan(6);
    for (const value of values) expect([...said, ...account.calls].join("\n")).not.toContain(value);
    expect(readdirSync(join(folder, "acc1")).sort()).toEqual(["secrets.json", "workers"]);
    expect(statSync(join(folder, "acc1/secrets.json")).mode & 0o777).toBe(0o600);
    for (const { name } of workerSources())
      for (const value of values)
        expect(readFileSync(join(folder, "acc1/workers", name, "wrangler.toml"), "utf8")).not.toContain(
          value,
        );
  });

  test("the checked-in configs stay as they are", async () => {
    const before = workerSources().map(({ path }) => readFileSync(path, "utf8"));
    await run(new PretendAccount());
    expect(workerSources().map(({ path }) => readFileSync(path, "utf8"))).toEqual(before);
  });
});

describe("run again", () => {
  test("nothing is made a second time, no secret is touched, and the Workers are deployed anew", async () => {
    const account = new PretendAccount();
    await run(account);
    const before = shape(account);
    const secrets = [...account.workers].map(([name, { secrets: values }]) => [name, new Map(values)]);
    account.calls = [];
    await run(account);
    expect(account.changes.filter((call) => !/^(deploy|d1 migrations)/.test(call))).toEqual([]);
    expect(account.changes.filter((call) => call.includes("--secrets-file"))).toEqual([]);
    expect(account.changes.filter((call) => call.startsWith("deploy"))).toHaveLength(workerSources().length);
    expect(shape(account)).toEqual(before);
    expect([...account.workers].map(([name, { secrets: values }]) => [name, values])).toEqual(secrets);
  });

  test("also from another machine, which does not know what was made up", async () => {
    const account = new PretendAccount();
    await run(account);
    rmSync(join(folder, "acc1"), { recursive: true });
    account.calls = [];
    await run(account);
    expect(account.changes.filter((call) => call.includes("--secrets-file"))).toEqual([]);
    expect(existsSync(join(folder, "acc1/secrets.json"))).toBe(false);
  });

  test("a secret in the environment replaces none that is set, unless it is asked for", async () => {
    const account = new PretendAccount();
    await run(account, { environment: { TOKEN_KEYS: makeKey("k1") } });
    const before = secretOf(account, "tap-tweets", "TOKEN_KEYS");
    const other = makeKey("k2");
    await run(account, { environment: { TOKEN_KEYS: other } });
    expect(valuesOf(account, "TOKEN_KEYS")).toEqual(new Set([before]));
    await run(account, { environment: { TOKEN_KEYS: other }, options: { replace: ["TOKEN_KEYS"] } });
    expect(valuesOf(account, "TOKEN_KEYS")).toEqual(new Set([other]));
  });

  test("a Worker that lacks a secret which others have, and nobody knows, stops it before anything is changed", async () => {
    const account = new PretendAccount();
    await run(account);
    account.workers.get("tap-media")?.secrets.clear();
    rmSync(join(folder, "acc1"), { recursive: true });
    account.calls = [];
    await expect(run(account)).rejects.toThrow(
      "TOKEN_KEYS is set in tap-producer and tap-refresh and tap-tweets but not in tap-media",
    );
    expect(account.changes).toEqual([]);
  });
});

const undisturbed = async () => {
  const account = new PretendAccount();
  await run(account);
  rmSync(join(folder, "acc1"), { recursive: true });
  return account;
};

test.each(["before", "after"] as const)(
  "a run that breaks off %s any of its commands is completed by the next one, which makes nothing twice",
  async (how) => {
    const whole = await undisturbed();
    for (let at = 1; at <= whole.changes.length; at++) {
      const account = new PretendAccount();
      account.mishap = { at, how };
      await expect(run(account), `command ${at}`).rejects.toThrow("The network is gone");
      account.mishap = null;
      await run(account);
      expect(shape(account)).toEqual(shape(whole));
      for (const name of ["TOKEN_KEYS", "WEBHOOK_KEYS"]) expect(valuesOf(account, name).size).toBe(1);
      expect(readdirSync(join(folder, "acc1")).sort()).toEqual(["secrets.json", "workers"]);
      rmSync(join(folder, "acc1"), { recursive: true });
    }
  },
);

test("a file of secrets that a killed run left is removed by the next one", async () => {
  const account = new PretendAccount();
  await run(account);
  const left = join(folder, "acc1/secrets-for-tap-media.json");
  writeFileSync(left, "{}");
  await run(account);
  expect(existsSync(left)).toBe(false);
});

describe("databases", () => {
  test("as many as asked for are made, migrated and bound in every Worker", async () => {
    const account = new PretendAccount();
    await run(account, { options: { databases: 3 } });
    expect([...account.databases.keys()]).toEqual([
      "twitter-api-proxy",
      "twitter-api-proxy-1",
      "twitter-api-proxy-2",
    ]);
    expect(account.migrated.size).toBe(3);
    for (const { config } of account.workers.values())
      expect(config.d1_databases?.map(({ binding, database_id }) => `${binding} ${database_id}`)).toEqual([
        "DB uuid-of-twitter-api-proxy",
        "DB_1 uuid-of-twitter-api-proxy-1",
        "DB_2 uuid-of-twitter-api-proxy-2",
      ]);
  });

  test("one that was bound stays bound, also when fewer are asked for", async () => {
    const account = new PretendAccount();
    await run(account, { options: { databases: 2 } });
    await run(account);
    for (const { config } of account.workers.values()) expect(config.d1_databases).toHaveLength(2);
  });

  test("others' databases with a name like ours are none of ours", async () => {
    const account = new PretendAccount();
    account.databases.set("twitter-api-proxy-staging", "uuid-of-another");
    account.databases.set("another-7", "uuid-of-a-third");
    await run(account);
    expect(account.workers.get("tap-producer")?.config.d1_databases).toHaveLength(1);
  });
});

test("for the Free plan the Workers ask for no CPU limits, and keep all else", async () => {
  const account = new PretendAccount();
  await run(account, { options: { free: true } });
  for (const { config } of account.workers.values()) {
    expect(config.limits).toBeUndefined();
    expect(config.observability).toEqual({ enabled: true, redact_query_string: true });
  }
});

test("what cannot be made up is asked for, and may be left out", async () => {
  const account = new PretendAccount();
  const asked: string[] = [];
  await run(account, {
    ask: async (name) => {
      asked.push(name);
      return name === "X_CLIENT_ID" ? "typed" : "";
    },
  });
  expect(asked).toEqual(["X_CLIENT_ID", "X_CLIENT_SECRET"]);
  expect(secretOf(account, "tap-producer", "X_CLIENT_ID")).toBe("typed");
  expect(secretOf(account, "tap-refresh", "X_CLIENT_ID")).toBe("typed");
  expect(valuesOf(account, "X_CLIENT_SECRET").size).toBe(0);
});
