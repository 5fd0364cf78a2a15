import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { HOUR_MS, MINUTE_MS, NEVER, SECOND_MS } from "#core/lib/clock";
import * as gates from "#core/store/gates";
import * as accounts from "#core/store/accounts";
import { all } from "#core/store/sql";
import { pairPlace } from "#core/accounts/tokens";
import { openRing } from "#core/lib/seal";
import { refused, TEST_RING } from "../../support/harness.ts";
import { meetX } from "../../support/refreshing.ts";

type Met = Awaited<ReturnType<typeof meetX>>;

const postMany = async ({ h, account }: Met, count: number): Promise<string[]> => {
  const ids: string[] = [];
  for (let i = 1; i <= count; i++) {
    ids.push(await h.post(account, `tweet ${i}`));
    h.advance(1);
  }
  return ids;
};
const statesOf = async ({ h }: Met, ids: string[]) =>
  new Set(await Promise.all(ids.map(async (id) => (await h.job(id)).state)));
const texts = ({ x }: Met) => x.tweets().map(({ text }) => text);
const wanted = (count: number) => Array.from({ length: count }, (_, i) => `tweet ${i + 1}`);
const events = async () =>
  (await all<{ type: string }>(env.DB.prepare("SELECT type FROM events"))).map(({ type }) => type);

/** Somebody allows the app again: a new grant at X, the next version here, and the account's gate is opened. */
async function reconnect({ h, x, account, user }: Met): Promise<void> {
  const grant = x.createGrant({
    client_id: "x-app",
    user_id: user.id,
    scopes: ["tweet.read", "tweet.write", "users.read", "offline.access"],
  });
  const { token_version, ...row } = await h.account_row(account);
  const version = token_version + 1;
  const ring = await openRing(TEST_RING, "TOKEN_KEYS");
  const pair = { access_token: grant.access_token, refresh_token: grant.refresh_token };
  const token = await ring.seal(JSON.stringify(pair), pairPlace(account, version));
  const next = { ...row, token, token_version: version, token_expires_at: h.now() + 2 * HOUR_MS };
  await env.DB.batch([
    accounts.connect(env.DB, next, h.now()),
    gates.openAccount(env.DB, account),
    accounts.wakeLanes(env.DB, h.now(), account, [`tweets:${account}`]),
  ]);
}

describe("200 tweets due at once, for one account", () => {
  test("whose token has expired by our clock: one refresh, no call with the old token, all are posted in order", async () => {
    const met = await meetX({ concurrency: 10 });
    met.h.advance(3 * HOUR_MS);
    const ids = await postMany(met, 200);
    met.x.setSettings({ limits: "off" });
    await met.h.pass(2 * MINUTE_MS);
    expect(met.refreshes()).toHaveLength(1);
    expect(met.h.calls).toHaveLength(201);
    expect(texts(met)).toEqual(wanted(200));
    expect(await statesOf(met, ids)).toEqual(new Set(["succeeded"]));
  });

  test("whose token X does not take any more: one refresh, and no attempt is spent", async () => {
    const met = await meetX();
    met.x.setSettings({ limits: "off" });
    met.x.expireAccess();
    const ids = await postMany(met, 200);
    await met.h.pass(2 * MINUTE_MS);
    expect(met.grant()).toMatchObject({ refreshes: 1 });
    expect(met.h.calls).toHaveLength(202);
    expect(texts(met)).toEqual(wanted(200));
    for (const id of ids) expect(await met.h.job(id)).toMatchObject({ state: "succeeded", attempts: 1 });
  });
});

test("that X takes an account's grant back is told without waiting for the clock", async () => {
  const met = await meetX();
  await met.h.endpoint(["account.*"]);
  met.x.revokeGrant(met.grant().id);
  met.h.advance(3 * HOUR_MS);
  await postMany(met, 1);
  await met.h.pass(10 * SECOND_MS);
  expect(met.h.receiver.types()).toEqual(["account.reconnect_required"]);
});

describe("the answer to a refresh is lost after X rotated the pair", () => {
  const losing = async (reuse: "family_revoked" | "fresh_pair") => {
    const met = await meetX();
    met.x.setSettings({ limits: "off", reused_refresh_token: reuse });
    met.x.setFaults([
      { match: { path: "/2/oauth2/token" }, fault: { kind: "drop", when: "after" }, times: 1 },
    ]);
    met.h.advance(3 * HOUR_MS);
    const ids = await postMany(met, 20);
    await met.h.pass(10 * MINUTE_MS);
    return { met, ids };
  };

  test("where X kills the family: one more try, then it is said, no job is lost, and all are posted after reconnecting", async () => {
    const { met, ids } = await losing("family_revoked");
    expect(met.refreshes()).toHaveLength(2);
    expect(await met.h.account_row(met.account)).toMatchObject({ state: "reconnect_required" });
    expect(await met.h.gate(`account:${met.account}`)).toMatchObject({ reason: "reconnect", open_at: NEVER });
    expect(await events()).toEqual(["account.reconnect_required"]);
    expect(await statesOf(met, ids)).toEqual(new Set(["queued", "waiting"]));
    await met.h.pass(24 * HOUR_MS);
    expect(met.refreshes()).toHaveLength(2);

    await reconnect(met);
    await met.h.pass(2 * MINUTE_MS);
    expect(texts(met)).toEqual(wanted(20));
    expect(await statesOf(met, ids)).toEqual(new Set(["succeeded"]));
  });

  test("where X answers it again: the account survives, and all are posted", async () => {
    const { met, ids } = await losing("fresh_pair");
    expect(met.refreshes()).toHaveLength(2);
    expect(await met.h.account_row(met.account)).toMatchObject({ state: "connected", token_version: 2 });
    expect(texts(met)).toEqual(wanted(20));
    expect(await statesOf(met, ids)).toEqual(new Set(["succeeded"]));
    expect(await events()).toEqual([]);
  });
});

describe("X is out of order for longer than a refresh has attempts", () => {
  test.each([
    ["its token endpoint says 503", 503, {}],
    ["its token endpoint says 401 to everybody", 401, {}],
    ["our app's secret is wrong for a while", 401, { error: "unauthorized_client" }],
  ])(
    "%s: the account is refreshed afterwards, and nothing is lost",
    async (_, status, body) => {
      const met = await meetX();
      met.h.answer(async (call, request) =>
        call.path === "/2/oauth2/token" ? Response.json(body, { status }) : met.x.fetch(request),
      );
      met.h.advance(3 * HOUR_MS);
      const [id = ""] = await postMany(met, 1);
      await met.h.pass(2 * HOUR_MS);
      expect(await met.h.account_row(met.account)).toMatchObject({ state: "connected", token_version: 1 });
      expect(await events()).toEqual([]);
      met.h.answer((_call, request) => met.x.fetch(request));
      await met.h.pass(20 * MINUTE_MS);
      expect(await met.h.job(id)).toMatchObject({ state: "succeeded", attempts: 1 });
      expect(met.grant()).toMatchObject({ refreshes: 1 });
      // Not a call a minute: two hours of outage cost a few dozen.
      expect(met.refreshes().length).toBeLessThan(40);
    },
    30_000,
  );
});

describe("a 401", () => {
  test("on a token that a refresh has just brought is X's trouble: the gate backs off, and nothing is refreshed", async () => {
    const met = await meetX();
    await met.refresh(1);
    const [id = ""] = await postMany(met, 1);
    met.h.answer(() => refused(401, "Unauthorized"));
    await met.h.turn();
    expect(await met.h.gate(`account:${met.account}`)).toMatchObject({
      reason: "token_rejected",
      open_at: met.h.now() + 30 * SECOND_MS,
    });
    expect(met.refreshes()).toHaveLength(1);
    met.h.answer((_, request) => met.x.fetch(request));
    await met.h.pass(2 * MINUTE_MS);
    expect(await met.h.job(id)).toMatchObject({ state: "succeeded", attempts: 1 });
    expect(met.refreshes()).toHaveLength(1);
  });

  test("that goes on for more than five minutes after it has one refresh", async () => {
    const met = await meetX();
    await met.refresh(1);
    await postMany(met, 1);
    met.h.answer((call, request) =>
      call.path === "/2/oauth2/token" ? met.x.fetch(request) : refused(401, "Unauthorized"),
    );
    await met.h.pass(7 * MINUTE_MS);
    expect(met.refreshes()).toHaveLength(1);
    await met.h.pass(5 * MINUTE_MS);
    expect(met.refreshes()).toHaveLength(2);
  });

  test("on a token fresh from connecting has its one refresh", async () => {
    const met = await meetX();
    met.x.expireAccess();
    const [id = ""] = await postMany(met, 1);
    await met.h.pass(MINUTE_MS);
    expect(await met.h.job(id)).toMatchObject({ state: "succeeded" });
    expect(met.refreshes()).toHaveLength(1);
  });

  test("on a token that has moved meanwhile is tried again with the new one, at once and at no cost", async () => {
    const met = await meetX();
    const [id = ""] = await postMany(met, 1);
    met.h.answer(async (call, request) => {
      if (call.path !== "/2/tweets") return met.x.fetch(request);
      met.h.answer((_, later) => met.x.fetch(later));
      // Another refresh comes through between the claim and the call.
      await met.refresh(1);
      return met.x.fetch(request);
    });
    await met.h.pass(SECOND_MS);
    expect(await met.h.job(id)).toMatchObject({ state: "succeeded", attempts: 1 });
    expect(met.refreshes()).toHaveLength(1);
    expect(await met.h.gate(`account:${met.account}`)).toBeNull();
  });

  test("while the account cannot be read is waited out as it is", async () => {
    const met = await meetX();
    met.x.expireAccess();
    const [id = ""] = await postMany(met, 1);
    met.h.wrapDatabase((db) => {
      const prepare = (sql: string) => {
        if (sql === "SELECT * FROM accounts WHERE id = ?") throw new Error("D1_ERROR: down");
        return db.prepare(sql);
      };
      return {
        prepare,
        batch: (statements: D1PreparedStatement[]) => db.batch(statements),
      } as unknown as D1Database;
    });
    await met.h.turn();
    expect(await met.h.job(id)).toMatchObject({ state: "waiting", attempts: 0 });
    expect(await met.h.gate(`account:${met.account}`)).toMatchObject({ reason: "token_rejected" });
    expect(met.h.logged("account.unread")).toHaveLength(1);
  });
});

test("two lanes of an account that meet an expired token ask for one refresh", async () => {
  const met = await meetX();
  met.h.advance(3 * HOUR_MS);
  await met.h.post(met.account, "tweet 1");
  await met.h.remove(met.account, "1");
  await met.h.pass(MINUTE_MS);
  expect(met.refreshes()).toHaveLength(1);
  expect(texts(met)).toEqual(["tweet 1"]);
});

test("a job whose account was disconnected waits for it", async () => {
  const met = await meetX();
  met.h.advance(3 * HOUR_MS);
  const [id = ""] = await postMany(met, 1);
  await env.DB.prepare("UPDATE accounts SET state = 'disconnected', token = NULL").run();
  await met.h.turn();
  expect(await met.h.job(id)).toMatchObject({ state: "waiting", attempts: 0 });
  expect(met.h.calls).toEqual([]);
});
