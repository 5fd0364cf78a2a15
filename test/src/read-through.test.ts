import { describe, expect, test } from "vitest";
import type { Fault } from "../../simulator/faults.ts";
import { openDoor } from "../support/door.ts";

async function opened(of: { fault?: Fault; times?: number } = {}) {
  const door = await openDoor();
  const { id: client_id, key } = await door.client();
  const account = await door.xAccount(client_id);
  const path = `/v1/accounts/${account.id}/profile`;
  if (of.fault)
    door.x.setFaults([
      { match: { path: "users/me" }, fault: of.fault, ...(of.times && { times: of.times }) },
    ]);
  const read = async () => {
    // Past what is kept of the last answer.
    door.advance(3_001);
    return door.call("GET", path, { key });
  };
  const gate = (name: string) => door.env.DB.prepare("SELECT * FROM gates WHERE name = ?").bind(name).first();
  return { door, key, account, read, gate, asked: () => door.x.calls().total };
}

describe("windows", () => {
  test("that a read used up close for jobs and reads alike, and say when to come back", async () => {
    const { door, account, read, gate, asked } = await opened();
    door.x.setSettings({ limits: { "GET /2/users/me": { user: [2, 900] } } });
    expect((await read()).status).toBe(200);
    expect((await read()).status).toBe(200);
    const refused = await read();
    expect({ status: refused.status, code: refused.body.code }).toEqual({
      status: 429,
      code: "x_rate_limited",
    });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(800);
    expect(asked()).toBe(2);
    expect(await gate(`window:${account.id}:GET /2/users/me`)).toMatchObject({ reason: "rate_limited" });
    door.advance(902_000);
    expect((await read()).status).toBe(200);
  });

  test("that X says are used up without saying until when back off by themselves", async () => {
    const { read, asked } = await opened({ fault: { kind: "rate_limited", headers: false } });
    const [first, second] = [await read(), await read()];
    expect([first.status, second.status]).toEqual([429, 429]);
    expect(Number(second.headers.get("retry-after"))).toBeLessThanOrEqual(30);
    expect(asked()).toBe(1);
  });
});

describe("the token", () => {
  /** What the consumer of refreshes does, when it is its turn. */
  async function refreshed(
    door: Awaited<ReturnType<typeof openDoor>>,
    account: { id: string; user: { id: string } },
  ) {
    const scopes = ["tweet.read", "users.read", "offline.access"];
    const { access_token } = door.x.createGrant({ client_id: "x-app", user_id: account.user.id, scopes });
    door.keep(access_token);
    const { openRing } = await import("#core/lib/seal");
    const { pairPlace } = await import("#core/accounts/tokens");
    const { TEST_RING } = await import("../support/harness.ts");
    const ring = await openRing(TEST_RING, "TOKEN_KEYS");
    const sealed = await ring.seal(
      JSON.stringify({ access_token, refresh_token: null }),
      pairPlace(account.id, 2),
    );
    await door.env.DB.prepare(
      `UPDATE accounts SET token = ?, token_version = 2, token_expires_at = ?, token_origin = 'refresh', token_issued_at = ?
        WHERE id = ? AND token_version = 1`,
    )
      .bind(sealed, door.now() + 7_200_000, door.now(), account.id)
      .run();
  }

  test("that X refuses is refreshed once by the same job that everybody asks for, and the read goes on", async () => {
    const { door, account, read, asked } = await opened();
    door.x.expireAccess();
    door.whileAsleep(() => refreshed(door, account));
    const { status, body } = await read();
    expect({ status, data: body.data }).toMatchObject({
      status: 200,
      data: { username: account.user.username },
    });
    expect(asked()).toBe(2);
    await door.settled();
    expect(door.messages).toEqual([{ lane: `refresh:${account.id}`, delay_s: 0 }]);
  });

  test("that has run out is not even shown to X", async () => {
    const { door, account, read, asked } = await opened();
    door.advance(7_300_000);
    door.whileAsleep(() => refreshed(door, account));
    expect((await read()).status).toBe(200);
    expect(asked()).toBe(1);
  });

  test("that nobody refreshes in ten seconds is a 503 with Retry-After", async () => {
    const { door, read } = await opened();
    door.x.expireAccess();
    const { status, headers, body } = await read();
    expect({ status, code: body.code }).toEqual({ status: 503, code: "unavailable" });
    expect(headers.get("retry-after")).toBe("5");
  });

  test("whose grant dies meanwhile is said at once", async () => {
    const { door, read } = await opened();
    door.x.expireAccess();
    door.whileAsleep(async () => {
      await door.env.DB.prepare("UPDATE accounts SET state = 'reconnect_required'").run();
    });
    expect(await read()).toMatchObject({ status: 409, body: { code: "reconnect_required" } });
  });

  test("that a refresh has just brought and X refuses all the same is X's trouble: nothing is refreshed", async () => {
    const { door, account, read, gate } = await opened();
    await refreshed(door, account);
    door.x.expireAccess();
    expect(await read()).toMatchObject({ status: 401, body: { code: "x_unauthorized" } });
    expect(await gate(`account:${account.id}`)).toMatchObject({ reason: "token_rejected" });
    expect(door.messages).toEqual([]);
    expect(await read()).toMatchObject({ status: 503, body: { code: "unavailable" } });
  });
});

describe("an account", () => {
  test.each([
    ["disconnected", "account_disconnected"],
    ["reconnect_required", "reconnect_required"],
  ])("that is %s is a 409, and X is not asked", async (state, code) => {
    const { door, account, read, asked } = await opened();
    await door.env.DB.prepare("UPDATE accounts SET state = ? WHERE id = ?").bind(state, account.id).run();
    expect(await read()).toMatchObject({ status: 409, body: { code } });
    expect(asked()).toBe(0);
  });

  test.each([
    ["locked", 403, "x_account_locked"],
    ["daily_limit", 200, undefined],
    ["refreshing", 200, undefined],
  ])("whose gate is closed because of %s is read with %i", async (reason, status, code) => {
    const { door, account, read } = await opened();
    await door.closeGate(account.id, `account:${account.id}`, reason, door.now() + 60_000);
    const answer = await read();
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
  });
});

describe("an X app", () => {
  test("without credits is a 402 for everybody until it is tried again", async () => {
    const { door, read, asked } = await opened({ fault: { kind: "error", status: 402 }, times: 1 });
    expect(await read()).toMatchObject({ status: 402, body: { code: "x_payment_required", source: "x" } });
    const second = await read();
    expect(second).toMatchObject({ status: 402, body: { code: "x_payment_required" } });
    expect(Number(second.headers.get("retry-after"))).toBeGreaterThan(200);
    expect(asked()).toBe(1);
    door.advance(300_000);
    expect((await read()).status).toBe(200);
  });
});

describe("X out of order", () => {
  const down: Fault = { kind: "error", status: 503, when: "before" };

  test("is a 503, and after ten of them X is left alone for half a minute", async () => {
    const { read, gate, asked } = await opened({ fault: down });
    for (let i = 0; i < 10; i++)
      expect(await read()).toMatchObject({ status: 503, body: { code: "x_unavailable", source: "x" } });
    const refused = await read();
    expect(refused).toMatchObject({ status: 503, body: { code: "x_unavailable" } });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(20);
    expect(asked()).toBe(10);
    expect(await gate("x:timelines")).toMatchObject({ faults: 10 });
    expect(await gate("x:tweets")).toBeNull();
  });

  test("is tried by one, and used by all once it has answered", async () => {
    const { door, read, gate, asked } = await opened({ fault: down, times: 10 });
    for (let i = 0; i < 10; i++) await read();
    door.advance(31_000);
    expect((await read()).status).toBe(200);
    expect(asked()).toBe(11);
    expect(await gate("x:timelines")).toMatchObject({ faults: 0 });
    expect((await read()).status).toBe(200);
  });

  test("that does not answer at all is a 504", async () => {
    const { read } = await opened({ fault: { kind: "drop" } });
    expect(await read()).toMatchObject({ status: 504, body: { code: "x_unreachable" } });
  });

  test("costs no writes while it is well", async () => {
    const { door, read } = await opened();
    await read();
    expect(await door.env.DB.prepare("SELECT * FROM gates").first()).toBeNull();
  });
});

test("a body that holds the token that was sent for it is not passed on", async () => {
  const { door, account, read } = await opened();
  door.x.setFaults([
    {
      match: { path: "users/me" },
      fault: { kind: "error", status: 200, body: { data: account.access_token } },
    },
  ]);
  expect((await read()).status).toBe(502);
});
