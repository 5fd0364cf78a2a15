import { resolve } from "node:path";
import { expect, test } from "vitest";
import { readOptions } from "../../../scripts/deploy/options.ts";

test("without anything said, everything is put where it is for whoever is logged in", () => {
  expect(readOptions([], {})).toEqual({
    dry_run: false,
    replace: [],
    databases: 1,
    free: false,
    location: null,
    account_id: null,
    folder: resolve(".deploy"),
  });
});

test("arguments and environment are heard", () => {
  const environment = {
    DATABASES: "3",
    PLAN: "free",
    D1_LOCATION: "weur",
    CLOUDFLARE_ACCOUNT_ID: "acc",
    DEPLOY_DIR: "/far",
  };
  expect(
    readOptions(["--dry-run", "--replace", "TOKEN_KEYS", "--replace", "ADMIN_KEY"], environment),
  ).toEqual({
    dry_run: true,
    replace: ["TOKEN_KEYS", "ADMIN_KEY"],
    databases: 3,
    free: true,
    location: "weur",
    account_id: "acc",
    folder: "/far",
  });
});

test("what is set to nothing is not set", () => {
  expect(readOptions([], { DATABASES: "", PLAN: "", D1_LOCATION: "" })).toEqual(readOptions([], {}));
});

test.each([["--help"], ["--dryrun"], ["production"]])("%s gets the usage", (argument) => {
  expect(readOptions([argument], {})).toBeNull();
});

test.each<[string[], Record<string, string>, string]>([
  [["--replace"], {}, "--replace takes one of TOKEN_KEYS"],
  [["--replace", "PATH"], {}, "--replace takes one of TOKEN_KEYS"],
  [[], { DATABASES: "0" }, "DATABASES must be a number from 1 to 36, not 0"],
  [[], { DATABASES: "37" }, "DATABASES"],
  [[], { DATABASES: "many" }, "DATABASES"],
  [[], { PLAN: "enterprise" }, "PLAN must be paid or free"],
  [[], { D1_LOCATION: "moon" }, "D1_LOCATION must be one of weur"],
])("%j with %j is refused in a sentence", (args, environment, words) => {
  expect(() => readOptions(args, environment)).toThrow(words);
});
