import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { postTweet, untilSucceeded } from "../../scripts/jobs.ts";
import { loadSecrets, saveSecrets } from "../../scripts/secrets.ts";
import { root } from "../../scripts/wrangler.ts";
import { ownPorts, start, type Started } from "./started.ts";

const folder = mkdtempSync(join(tmpdir(), "keys-"));
const running: Started[] = [];

afterEach(async () => {
  for (const one of running.splice(0)) await one.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

async function run(ports: Record<string, string>): Promise<Started> {
  const one = await start(folder, ports);
  running.push(one);
  return one;
}

async function stop(): Promise<void> {
  await running.pop()?.end("SIGTERM");
}

const rotateKeys = async (...args: string[]): Promise<string> => {
  const environment = { ...process.env, STATE_DIR: folder, PROXY_URL: "", ADMIN_KEY: "" };
  const program = ["scripts/rotate-keys.ts", ...args];
  return (await promisify(execFile)(process.execPath, program, { cwd: root, env: environment })).stdout;
};

const post = async ({ local }: Started, text: string): Promise<void> => {
  const caller = { url: local.url, key: local.api_key };
  await untilSucceeded(caller, (await postTweet(caller, local.account_id, text)).id);
};

/** What the stack says when it finds another ring than its own. */
async function refusal(token_keys: string, ports: Record<string, string>): Promise<string> {
  const secrets = loadSecrets(folder);
  saveSecrets(folder, { ...secrets, token_keys });
  try {
    await run(ports);
    return "";
  } catch (error) {
    return String(error);
  } finally {
    saveSecrets(folder, secrets);
  }
}

test("keys are changed without an account noticing, and a ring that is not the one used before refuses to start", async () => {
  const ports = await ownPorts();
  const first = await run(ports);
  const { account_id } = first.local;
  const before = loadSecrets(folder).token_keys;
  await stop();

  const stranger = "S".repeat(43);
  const refused = await refusal(`k1:${stranger}`, ports);
  expect(refused).toContain("start ended with 1:");
  expect(refused).toContain('TOKEN_KEYS has a key "k1" that is not the one which sealed this');
  expect(refused).not.toContain(stranger);

  expect(await rotateKeys("--new-key")).toContain('The key "k2" stands in front');
  expect(await rotateKeys("--webhooks", "--new-key")).toContain('The key "w2" stands in front');
  const second = await run(ports);
  await post(second, "sealed with the old key");
  expect(await rotateKeys()).toContain('1 looked at, 1 sealed anew with the key "k2"');
  expect(await rotateKeys("--drop-old")).toContain('Only "k2" is left');
  expect(loadSecrets(folder).token_keys).not.toContain(before);
  expect(await rotateKeys("--webhooks")).toContain('1 looked at, 1 sealed anew with the key "w2"');
  expect(await rotateKeys("--webhooks", "--drop-old")).toContain('Only "w2" is left');
  await stop();

  const third = await run(ports);
  expect(third.local.account_id).toBe(account_id);
  await post(third, "sealed with the new key");
});
