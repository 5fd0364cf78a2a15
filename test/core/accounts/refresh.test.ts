import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { accessKey, pairPlace, type TokenPair } from "#core/accounts/tokens";
import { MINUTE_MS, NEVER, SECOND_MS } from "#core/lib/clock";
import { openRing } from "#core/lib/seal";
import type { EventRow } from "#core/store/events";
import { all } from "#core/store/sql";
import type { FaultRule } from "../../../simulator/simulator.ts";
import { batchedBy, losingAnswers } from "../../support/database.ts";
import { TEST_RING } from "../../support/harness.ts";
import { meetX } from "../../support/refreshing.ts";

const ring = await openRing(TEST_RING, "TOKEN_KEYS");
const events = () => all<EventRow>(env.DB.prepare("SELECT * FROM events"));

describe("a refresh", () => {
  test("stores the new pair with the next version, and keeps the access token at hand", async () => {
    const { h, account, refresh, grant } = await meetX();
    expect(await refresh(1)).toMatchObject({ type: "done" });
    const row = await h.account_row(account);
    expect(row).toMatchObject({ token_version: 2, token_origin: "refresh", token_issued_at: h.now() });
    expect(row.token_expires_at).toBe(h.now() + 7_200_000);
    expect(row.refresh_at).toBe(h.now() + 95 * MINUTE_MS);
    const pair = JSON.parse(await ring.open(row.token ?? "", pairPlace(account, 2))) as TokenPair;
    expect(grant()).toMatchObject({ refreshes: 1, revoked_at: null });
    expect(await h.consumer.tokens.access(account, 2, null)).toBe(pair.access_token);
    expect(await env.TOKENS.get(accessKey(account, 2))).not.toContain(pair.refresh_token);
  });

  test("of a version that has moved asks X for nothing", async () => {
    const { h, account, refresh } = await meetX();
    await refresh(1);
    expect(await refresh(1)).toMatchObject({ type: "done" });
    expect(h.calls).toHaveLength(1);
    expect(await h.account_row(account)).toMatchObject({ token_version: 2 });
  });

  test("that names no version asks X unless the token is younger than the question", async () => {
    const { h, refresh } = await meetX();
    h.advance(SECOND_MS);
    expect(await refresh(null, h.now() - 2 * SECOND_MS)).toMatchObject({ type: "done" });
    expect(h.calls).toHaveLength(0);
    expect(await refresh(null, h.now())).toMatchObject({ type: "done" });
    expect(h.calls).toHaveLength(1);
  });

  test("keeps the refresh token that X did not replace", async () => {
    const { h, account, refresh } = await meetX();
    const before = await h.account_row(account);
    const kept = (JSON.parse(await ring.open(before.token ?? "", pairPlace(account, 1))) as TokenPair)
      .refresh_token;
    h.answer(() => Response.json({ token_type: "bearer", expires_in: 60, access_token: "new" }));
    await refresh(1);
    const row = await h.account_row(account);
    expect(JSON.parse(await ring.open(row.token ?? "", pairPlace(account, 2)))).toEqual({
      access_token: "new",
      refresh_token: kept,
    });
  });

  test("asks as the account's own X app, with its secret", async () => {
    const { h, refresh, account } = await meetX();
    await env.DB.prepare("UPDATE accounts SET app_id = 'app_of_tenant0'").run();
    await env.DB.prepare("INSERT INTO apps VALUES ('app_of_tenant0', 'cli_1', 'x-of-tenant', ?, 0, 'ours')")
      .bind(await ring.seal("hush", "app:app_of_tenant0"))
      .run();
    h.answer(() => Response.json({ access_token: "new", refresh_token: "r", expires_in: 7200 }));
    await refresh(1);
    expect(h.calls[0]?.authorization).toBe(`Basic ${btoa("x-of-tenant:hush")}`);
    expect(await h.account_row(account)).toMatchObject({ token_version: 2 });
  });
});

describe("X's no", () => {
  test("to the token ends the grant: the account waits for a person, with X's words and one event", async () => {
    const { h, x, account, refresh, grant } = await meetX();
    x.revokeGrant(grant().id);
    expect(await refresh(1)).toMatchObject({
      type: "fail",
      problem: { code: "reconnect_required", extra: { upstream: { status: 400 } } },
    });
    expect(await h.account_row(account)).toMatchObject({ state: "reconnect_required", refresh_at: null });
    expect(await h.gate(`account:${account}`)).toMatchObject({ reason: "reconnect", open_at: NEVER });
    expect(await refresh(1)).toMatchObject({ type: "fail", problem: { code: "reconnect_required" } });
    expect(await events()).toMatchObject([{ type: "account.reconnect_required", account_id: account }]);
    expect(h.calls).toHaveLength(1);
  });

  test("to an old token ends nothing when the account was connected anew meanwhile", async () => {
    const { h, x, account, refresh, grant } = await meetX();
    x.revokeGrant(grant().id);
    h.answer(async (_, request) => {
      await env.DB.prepare("UPDATE accounts SET token_version = 2").run();
      return x.fetch(request);
    });
    expect(await refresh(1)).toMatchObject({ type: "done" });
    expect(await h.account_row(account)).toMatchObject({ state: "connected", token_version: 2 });
    expect(await h.gate(`account:${account}`)).toBeNull();
    expect(await events()).toEqual([]);
  });

  test.each([
    [
      "401 unauthorized_client",
      401,
      { error: "unauthorized_client", error_description: "Missing valid authorization header" },
    ],
    ["400 invalid_client", 400, { error: "invalid_client" }],
    ["401 without a word", 401, {}],
  ])("to the app (%s) is never the account's fault", async (_, status, body) => {
    const { h, account, refresh } = await meetX();
    h.answer(() => Response.json(body, { status }));
    expect(await refresh(1)).toMatchObject({ type: "wait", gate: { scope: "oauth" }, reason: "app_refused" });
    expect(await h.account_row(account)).toMatchObject({ state: "connected", token_version: 1 });
    expect(h.logged("app.refused")).toMatchObject([{ app: "app_default" }]);
  });

  test("for the moment waits until X says", async () => {
    const { h, refresh } = await meetX();
    h.answer(() => new Response(null, { status: 429, headers: { "retry-after": "90" } }));
    expect(await refresh(1)).toMatchObject({
      type: "wait",
      gate: { scope: "oauth" },
      reason: "rate_limited",
      until: h.now() + 90 * SECOND_MS,
    });
  });

  test("to how we asked fails the refresh, and leaves the account as it is", async () => {
    const { h, account, refresh } = await meetX();
    h.answer(() => Response.json({ error: "unsupported_grant_type" }, { status: 400 }));
    expect(await refresh(1)).toMatchObject({ type: "fail", problem: { code: "x_invalid_request" } });
    expect(await h.account_row(account)).toMatchObject({ state: "connected" });
  });
});

describe("an answer that may have been lost", () => {
  const lost: [string, FaultRule["fault"]][] = [
    ["X says 503", { kind: "error", status: 503, when: "after" }],
    ["the connection breaks", { kind: "drop", when: "after" }],
    ["X answers 200 with nothing", { kind: "empty", status: 200, when: "after" }],
  ];
  test.each(lost)("(%s) is asked for again, and the account is left as it is", async (_, fault) => {
    const { h, x, account, refresh } = await meetX();
    x.setFaults([{ fault, times: 1 }]);
    expect(await refresh(1)).toMatchObject({ type: "retry" });
    expect(await h.account_row(account)).toMatchObject({ state: "connected", token_version: 1 });
  });
});

describe("D1 in trouble", () => {
  test("while the pair is stored: it is stored again, once", async () => {
    const { h, account, refresh, grant } = await meetX();
    h.wrapDatabase((db) => losingAnswers(db, (nth) => nth === 1));
    expect(await refresh(1)).toMatchObject({ type: "done" });
    expect(await h.account_row(account)).toMatchObject({ token_version: 2 });
    expect(grant()).toMatchObject({ refreshes: 1 });
  });

  test("that is not over in time leaves the pair that there was, and says so", async () => {
    const { h, account, refresh } = await meetX();
    h.wrapDatabase((db) => batchedBy(db, () => Promise.reject(new Error("D1_ERROR: down"))));
    await expect(refresh(1)).rejects.toThrow("down");
    expect(await h.account_row(account)).toMatchObject({ token_version: 1 });
    expect(h.logged("token.unstored").length).toBeGreaterThan(3);
  });
});

describe("an account", () => {
  test("that was disconnected while X answered stays so, and the new pair is revoked", async () => {
    const { h, x, account, refresh, grant } = await meetX();
    h.answer(async (call, request) => {
      const answer = await x.fetch(request);
      if (call.path === "/2/oauth2/token")
        await env.DB.prepare(
          "UPDATE accounts SET state = 'disconnected', token = NULL, token_version = token_version + 1",
        ).run();
      return answer;
    });
    expect(await refresh(1)).toMatchObject({ type: "fail", problem: { code: "account_disconnected" } });
    expect(await h.account_row(account)).toMatchObject({ state: "disconnected", token: null });
    expect(grant().revoked_at).not.toBeNull();
  });

  test("that was connected anew while X answered keeps its newer pair", async () => {
    const { h, x, account, refresh } = await meetX();
    h.answer(async (_, request) => {
      const answer = await x.fetch(request);
      await env.DB.prepare("UPDATE accounts SET token = 'newer', token_version = 2").run();
      return answer;
    });
    expect(await refresh(1)).toMatchObject({ type: "done" });
    expect(await h.account_row(account)).toMatchObject({ token: "newer", token_version: 2 });
  });

  test.each([
    ["is not there", "DELETE FROM accounts", "not_found"],
    ["was disconnected", "UPDATE accounts SET state = 'disconnected'", "account_disconnected"],
    ["must be connected again", "UPDATE accounts SET state = 'reconnect_required'", "reconnect_required"],
  ])("that %s is not refreshed", async (_, sql, code) => {
    const { h, refresh } = await meetX();
    await env.DB.prepare(sql).run();
    expect(await refresh(1)).toMatchObject({ type: "fail", problem: { code } });
    expect(h.calls).toEqual([]);
  });

  test("without a refresh token must be connected again once its access token is of no use", async () => {
    const { h, account, refresh } = await meetX({ refresh_token: null });
    expect(await refresh(null, h.now() + 1)).toMatchObject({
      type: "fail",
      problem: { code: "not_refreshable" },
    });
    expect(await h.account_row(account)).toMatchObject({ state: "connected" });
    expect(await refresh(1)).toMatchObject({ type: "fail", problem: { code: "reconnect_required" } });
    expect(await h.account_row(account)).toMatchObject({ state: "reconnect_required" });
    expect(await events()).toHaveLength(1);
  });
});
