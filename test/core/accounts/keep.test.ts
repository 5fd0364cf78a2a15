import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { keepAccount, type NewAccount } from "#core/accounts/keep";
import { accessKey, accessPlace, createTokens, pairPlace } from "#core/accounts/tokens";
import { newId } from "#core/lib/ids";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import { first } from "#core/store/sql";
import { createConnecting } from "../../support/connecting.ts";
import { batchedBy, strict } from "../../support/harness.ts";
import { empty, NOW, put } from "../../support/rows.ts";

beforeEach(async () => {
  await empty(env.DB);
  await empty(env.DB_1);
});

const account = (change: Partial<NewAccount> = {}): NewAccount => ({
  client_id: "cli_1",
  app_id: "app_1",
  metadata: null,
  user: { id: "12", username: "ada", name: "Ada" },
  tokens: {
    access_token: "access-1",
    refresh_token: "refresh-1",
    expires_in_s: 7200,
    scopes: ["tweet.read"],
  },
  fresh_id: (shard) => newId("acc", shard, NOW),
  ...change,
});
const found = (id: string, db = env.DB) => first<AccountRow>(accounts.find(db, id));

test("the pair is sealed for its account and version, in D1 whole and in KV the access token alone", async () => {
  const { connecting } = await createConnecting();
  const kept = await keepAccount(connecting, account());
  const id = kept?.id ?? "";
  expect(kept).toEqual({ id, version: 1 });
  const row = await found(id);
  expect(row).toMatchObject({ token_version: 1, token_expires_at: NOW + 7_200_000, state: "connected" });
  expect(row?.token).not.toContain("access-1");
  expect(JSON.parse(await connecting.ring.open(row?.token ?? "", pairPlace(id, 1)))).toEqual({
    access_token: "access-1",
    refresh_token: "refresh-1",
  });
  const cached = (await env.TOKENS.get(accessKey(id, 1))) ?? "";
  expect(await connecting.ring.open(cached, accessPlace(id, 1))).toBe("access-1");
});

test("what is kept is what jobs are given", async () => {
  const { connecting } = await createConnecting();
  const { id, version } = (await keepAccount(connecting, account())) ?? { id: "", version: 0 };
  const tokens = createTokens({ ...connecting, memory: new Map() });
  expect(await tokens.access(id, version)).toBe("access-1");
});

test("connecting again is the same account with the next version, and opens its gate", async () => {
  const { connecting } = await createConnecting();
  const { id = "" } = (await keepAccount(connecting, account())) ?? {};
  await put(env.DB, "gates", {
    name: `account:${id}`,
    open_at: NOW + 9e9,
    reason: "reconnect",
    updated_at: NOW,
  });
  const again = account({ user: { id: "12", username: "ada_l", name: "Ada L" } });
  expect(await keepAccount(connecting, again)).toEqual({ id, version: 2 });
  expect(await found(id)).toMatchObject({ username: "ada_l", token_version: 2 });
  expect(await env.DB.prepare("SELECT name FROM gates").first()).toBeNull();
});

test("an X user that another client has is not kept", async () => {
  const { connecting } = await createConnecting();
  await keepAccount(connecting, account());
  expect(await keepAccount(connecting, account({ client_id: "cli_2" }))).toBeNull();
});

test("a connect that another one overtakes takes the version after it", async () => {
  const { connecting } = await createConnecting();
  const { id = "" } = (await keepAccount(connecting, account())) ?? {};
  let overtaken = false;
  const db = batchedBy(strict(env.DB), async (statements) => {
    if (!overtaken) {
      overtaken = true;
      await keepAccount(connecting, account());
    }
    return env.DB.batch(statements);
  });
  expect(await keepAccount({ ...connecting, databases: { DB: db } }, account())).toEqual({ id, version: 3 });
  const row = await found(id);
  expect(JSON.parse(await connecting.ring.open(row?.token ?? "", pairPlace(id, 3)))).toMatchObject({
    access_token: "access-1",
  });
});

test("accounts are spread over the databases, and found again there", async () => {
  const { connecting } = await createConnecting({ sharded: true });
  const ids: string[] = [];
  for (let user = 1; user <= 12; user++)
    ids.push(
      (await keepAccount(connecting, account({ user: { id: String(user), username: "u", name: "U" } })))
        ?.id ?? "",
    );
  expect(new Set(ids.map((id) => id.at(-1)))).toEqual(new Set(["0", "1"]));
  for (const id of ids) expect(await found(id, id.endsWith("1") ? env.DB_1 : env.DB)).not.toBeNull();
  const same = await keepAccount(connecting, account({ user: { id: "7", username: "u", name: "U" } }));
  expect(same).toEqual({ id: ids[6], version: 2 });
});
