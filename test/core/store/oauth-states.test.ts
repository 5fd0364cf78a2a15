import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import * as oauthStates from "#core/store/oauth-states";
import { first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { empty, NOW } from "../../support/rows.ts";

const db = strict(env.DB);
const state = {
  state_hash: "hash",
  client_id: "cli_1",
  app_id: "app_1",
  verifier: "sealed",
  scopes: "[]",
  return_url: "https://client.test/",
  metadata: null,
  actor: "key_1",
  expires_at: NOW + 5,
};
const take = (now = NOW, hash = "hash") => first(oauthStates.take(db, now, hash));

beforeEach(async () => {
  await empty(env.DB);
  await oauthStates.insert(db, state).run();
});

test("a state is good for one use", async () => {
  expect(await take()).toEqual(state);
  expect(await take()).toBeNull();
});

test("an unknown state is none", async () => {
  expect(await take(NOW, "other")).toBeNull();
  expect(await take()).toEqual(state);
});

test("a state that is too old is none", async () => {
  expect(await take(NOW + 5)).toBeNull();
});

test("the same state is never begun twice", async () => {
  await expect(oauthStates.insert(db, state).run()).rejects.toThrow("UNIQUE");
});

test("pruning takes what is too old", async () => {
  expect((await oauthStates.prune(db, NOW + 4).run()).meta.changes).toBe(0);
  expect((await oauthStates.prune(db, NOW + 5).run()).meta.changes).toBe(1);
});
