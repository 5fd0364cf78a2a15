import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadSecrets, saveSecrets, secretsPath } from "../../scripts/secrets.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "secrets-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

test("secrets are made up once, for their owner alone, and are the same ever after", () => {
  const first = loadSecrets(folder);
  expect(first.token_keys).toMatch(/^k1:[\w-]{43}$/);
  expect(statSync(secretsPath(folder)).mode & 0o777).toBe(0o600);
  saveSecrets(folder, { ...first, api_key: "tap_1" });
  expect(loadSecrets(folder)).toEqual({ ...first, api_key: "tap_1" });
});

test("another folder has other secrets", () => {
  const first = loadSecrets(folder);
  rmSync(secretsPath(folder));
  expect(loadSecrets(folder).token_keys).not.toBe(first.token_keys);
});

test("a secret that an older file does not know is added, and the file is closed to others", () => {
  writeFileSync(secretsPath(folder), '{"admin_key":"old"}');
  chmodSync(secretsPath(folder), 0o644);
  const secrets = loadSecrets(folder);
  expect(secrets.admin_key).toBe("old");
  expect(secrets.session_keys).toMatch(/^s1:[\w-]{43}$/);
  expect(loadSecrets(folder)).toEqual(secrets);
  expect(statSync(secretsPath(folder)).mode & 0o777).toBe(0o600);
});

test("a file that is no JSON is named, and not quoted", () => {
  writeFileSync(secretsPath(folder), "token_keys=hunter2");
  const message = String(caught(() => loadSecrets(folder)));
  expect(message).toContain(`${secretsPath(folder)} is not JSON`);
  expect(message).not.toContain("hunter2");
});

function caught(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}
