import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  keep,
  planSecrets,
  readKept,
  secretsFor,
  type SecretOptions,
} from "../../../scripts/deploy/secrets.ts";
import { isRing, makeKey } from "../../../scripts/keyring.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "deploy-secrets-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const workers = ["producer", "tweets", "refresh", "webhooks"].map((name) => ({
  folder: name,
  name: `tap-${name}`,
}));
const nothing: SecretOptions = {
  workers,
  present: new Map(),
  replace: [],
  environment: {},
  kept: {},
  ask: null,
};
const plan = (more: Partial<SecretOptions> = {}) => planSecrets({ ...nothing, ...more });

/** Every Worker has all its secrets, but for these. */
const allBut = (...lacking: [worker: string, secret: string][]) =>
  new Map(
    workers.map(({ name }) => {
      const all = [
        "TOKEN_KEYS",
        "SESSION_KEYS",
        "WEBHOOK_KEYS",
        "ADMIN_KEY",
        "X_CLIENT_ID",
        "X_CLIENT_SECRET",
      ];
      return [name, new Set(all.filter((one) => !lacking.some((pair) => pair.join() === `${name},${one}`)))];
    }),
  );

test("rings and the admin key are made up, what is X's is left out", async () => {
  const { given, left_out, values } = await plan();
  expect(given.map(({ name, source }) => `${name} ${source}`)).toEqual([
    "TOKEN_KEYS made up",
    "SESSION_KEYS made up",
    "WEBHOOK_KEYS made up",
    "ADMIN_KEY made up",
  ]);
  expect(left_out).toEqual(["X_CLIENT_ID", "X_CLIENT_SECRET"]);
  expect(isRing(values.TOKEN_KEYS ?? "")).toBe(true);
  expect(values.ADMIN_KEY).toMatch(/^admin_[\w-]{43}$/);
});

test("a secret goes to the Workers that hold it and lack it", async () => {
  const present = allBut(["tap-tweets", "TOKEN_KEYS"], ["tap-refresh", "TOKEN_KEYS"]);
  const environment = { TOKEN_KEYS: makeKey("k1") };
  const made = await plan({ present, environment });
  expect(made.given).toEqual([
    { name: "TOKEN_KEYS", source: "environment", workers: ["tap-tweets", "tap-refresh"] },
  ]);
  expect(secretsFor("tap-tweets", made)).toBe(JSON.stringify(environment));
  expect(secretsFor("tap-producer", made)).toBeNull();
});

test("where all is set nothing is, whatever the environment has", async () => {
  expect(await plan({ present: allBut(), environment: { ADMIN_KEY: "another" } })).toEqual({
    given: [],
    left_out: [],
    values: {},
  });
});

test("what an earlier run made up goes on being used", async () => {
  const kept = { TOKEN_KEYS: makeKey("k1") };
  const made = await plan({ present: allBut(["tap-tweets", "TOKEN_KEYS"]), kept });
  expect(made.given).toEqual([{ name: "TOKEN_KEYS", source: "kept", workers: ["tap-tweets"] }]);
  expect(made.values).toEqual(kept);
});

describe("it is refused", () => {
  test.each<[string, Partial<SecretOptions>, string]>([
    [
      "to replace by nothing",
      { replace: ["ADMIN_KEY"] },
      "--replace ADMIN_KEY needs ADMIN_KEY in the environment",
    ],
    [
      "to make up what other Workers have already",
      { present: allBut(["tap-tweets", "TOKEN_KEYS"]) },
      "TOKEN_KEYS is set in tap-producer and tap-refresh but not in tap-tweets",
    ],
    [
      "to mix what is kept with something else",
      { kept: { ADMIN_KEY: "one" }, environment: { ADMIN_KEY: "two" } },
      "unset it, or say --replace ADMIN_KEY",
    ],
    ["to set a ring that is none", { environment: { TOKEN_KEYS: "secret-word" } }, "TOKEN_KEYS must be"],
    [
      "to set a key that no header can hold",
      { environment: { ADMIN_KEY: "secret word" } },
      "ADMIN_KEY must be",
    ],
  ])("%s", async (_, more, words) => {
    await expect(plan(more)).rejects.toThrow(words);
    await expect(plan(more)).rejects.not.toThrow(/secret.word/);
  });
});

describe("what was made up", () => {
  test("is kept for its owner alone, and nothing else is", async () => {
    const made = await plan({ environment: { X_CLIENT_ID: "app" } });
    const path = keep(folder, made) ?? "";
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(Object.keys(readKept(folder))).toEqual([
      "TOKEN_KEYS",
      "SESSION_KEYS",
      "WEBHOOK_KEYS",
      "ADMIN_KEY",
    ]);
    expect(readKept(folder).TOKEN_KEYS).toBe(made.values.TOKEN_KEYS);
  });

  test("is kept anew when it is replaced", async () => {
    keep(folder, await plan());
    const environment = { TOKEN_KEYS: makeKey("k2") };
    const kept = readKept(folder);
    keep(folder, await plan({ present: allBut(), replace: ["TOKEN_KEYS"], environment, kept }));
    expect(readKept(folder)).toEqual({ ...kept, ...environment });
  });

  test("is not written where nothing is", async () => {
    expect(keep(folder, await plan({ present: allBut() }))).toBeNull();
    expect(readKept(folder)).toEqual({});
  });

  test("a file that is broken is named and not quoted", () => {
    writeFileSync(join(folder, "secrets.json"), '{"ADMIN_KEY": "hidden');
    expect(() => readKept(folder)).toThrow(join(folder, "secrets.json"));
    expect(() => readKept(folder)).not.toThrow("hidden");
    expect(readFileSync(join(folder, "secrets.json"), "utf8")).toContain("hidden");
  });
});
