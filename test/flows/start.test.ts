import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { ask } from "../../scripts/api.ts";
import { readBooks } from "../../scripts/books.ts";
import { postTweet, untilSucceeded } from "../../scripts/jobs.ts";
import { until } from "../../scripts/wait.ts";
import { ownPorts, start, type Started } from "./started.ts";

const running: Started[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const one of running.splice(0)) await one.end("SIGTERM");
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "start-"));
  folders.push(folder);
  return folder;
}

async function run(folder: string, ports: Record<string, string>): Promise<Started> {
  const one = await start(folder, ports);
  running.push(one);
  return one;
}

const texts = async (one: Started): Promise<string[]> =>
  (await readBooks(one.local.simulator_url)).map(({ text }) => text);

test("npm start says where everything is, takes tweets, ends on Ctrl-C, and goes on after a restart", async () => {
  const folder = newFolder();
  const ports = await ownPorts();
  const first = await run(folder, ports);
  const { local } = first;
  expect(local.url).toBe(`http://127.0.0.1:${ports.PORT ?? ""}`);
  expect(local.simulator_url).toBe(`http://127.0.0.1:${ports.SIMULATOR_PORT ?? ""}`);
  expect(local).toMatchObject({
    client_id: expect.stringMatching(/^cli_/) as string,
    account_id: expect.stringMatching(/^acc_/) as string,
    api_key: expect.stringMatching(/^tap_/) as string,
    webhook_secret: expect.stringMatching(/^whsec_/) as string,
  });
  expect(statSync(join(folder, "secrets.json")).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, "local.json")).mode & 0o777).toBe(0o600);

  const secrets = JSON.parse(readFileSync(join(folder, "secrets.json"), "utf8")) as Record<string, string>;
  for (const name of ["token_keys", "admin_key", "x_client_secret", "api_key", "webhook_secret"])
    expect(first.output()).not.toContain(secrets[name]);
  expect(first.output()).toContain(local.url);

  await until("the greeting", 60_000, async () => first.output().includes("/authorize?"));
  const link = /http\S+\/authorize\?\S+/.exec(first.output())?.[0] ?? "";
  expect(await (await fetch(link)).text()).toContain('name="new_username"');
  const form = new URLSearchParams({ new_username: "a_visitor", decision: "authorize" });
  const home = await fetch(link, { method: "POST", body: form, headers: { accept: "text/html" } });
  expect(await home.text()).toContain("Account connected");

  const caller = { url: local.url, key: local.api_key };
  await untilSucceeded(caller, (await postTweet(caller, local.account_id, "before")).id);

  expect(await first.end("SIGINT")).toBe(0);
  await until("nothing left", 30_000, async () => first.leftovers().length === 0);
  expect(existsSync(join(folder, "local.json"))).toBe(false);

  const second = await run(folder, ports);
  expect(second.local).toEqual(local);
  await untilSucceeded(caller, (await postTweet(caller, local.account_id, "after")).id);
  expect(await texts(second)).toEqual(["before", "after"]);
});

test("two stacks run side by side and know nothing of each other", async () => {
  const [one, other] = await Promise.all([
    run(newFolder(), await ownPorts()),
    run(newFolder(), await ownPorts()),
  ]);
  const caller = { url: one.local.url, key: one.local.api_key };
  await untilSucceeded(caller, (await postTweet(caller, one.local.account_id, "mine")).id);
  expect(await texts(one)).toEqual(["mine"]);
  expect(await texts(other)).toEqual([]);
  await expect(ask(`${other.local.url}/v1/accounts`, { key: one.local.api_key })).rejects.toThrow("401");
});

test("a port that is taken is named, with the process that holds it", async () => {
  const ports = await ownPorts();
  await run(newFolder(), ports);
  await expect(start(newFolder(), ports)).rejects.toThrow(
    new RegExp(`Port ${ports.PORT ?? ""} is taken by workerd \\(pid \\d+\\)`),
  );
});

test("with another X there is no simulator and no account, but a client and a key, and the given admin key", async () => {
  const other = {
    X_API_URL: "http://127.0.0.1:9",
    X_AUTHORIZE_URL: "http://127.0.0.1:9/authorize",
    X_CLIENT_ID: "our-app",
    ADMIN_KEY: "chosen-by-hand",
  };
  const { local } = await run(newFolder(), { ...(await ownPorts()), ...other });
  expect(local).toMatchObject({ simulator_url: null, account_id: null, admin_key: "chosen-by-hand" });
  const { authorize_url } = await ask<{ authorize_url: string }>(`${local.url}/v1/accounts/connect`, {
    key: local.api_key,
    body: { return_url: `${local.url}/` },
  });
  const asked = new URL(authorize_url);
  expect(asked.origin + asked.pathname).toBe(other.X_AUTHORIZE_URL);
  expect(asked.searchParams.get("client_id")).toBe("our-app");
});

test("killed hard, it takes everything with it", async () => {
  const one = await run(newFolder(), await ownPorts());
  expect(one.leftovers().length).toBeGreaterThan(3);
  await one.end("SIGKILL");
  await until("nothing left", 3_000, async () => one.leftovers().length === 0);
});
