import { describe, expect, test } from "vitest";
import { openLeakDoor, type LeakDoor } from "../support/leak-door.ts";
import { failures, faults, type Failure } from "../support/x-failures.ts";

// X answers with everything that it was sent, in every way it can fail: while an account is connected, and disconnected.

const REVOKE = "/2/oauth2/revoke";
const MINUTE_MS = 60_000;
// Some hundred answers of X, on a machine that may be busy.
const PATIENCE_MS = 4 * MINUTE_MS;

const asked = [
  { path: "/2/oauth2/token", whose: "this installation's app" },
  { path: "/2/oauth2/token", whose: "a client's own app" },
  { path: "/2/users/me", whose: "this installation's app" },
  { path: REVOKE, whose: "this installation's app" },
  { path: REVOKE, whose: "a client's own app" },
];

type Asked = { open: LeakDoor; key: string; app_id?: string };

async function opened(whose: string): Promise<Asked> {
  const open = await openLeakDoor();
  const { key } = await open.client();
  return { open, key, ...(whose.startsWith("a") && { app_id: await open.app(key) }) };
}

/** Connect an account, or disconnect one where X is asked to revoke, while X fails at `path`. */
async function meet({ open, key, app_id }: Asked, path: string, fail: () => void): Promise<Response> {
  const of = app_id === undefined ? {} : { app_id };
  if (path !== REVOKE) {
    const back = await open.consented(key, of);
    fail();
    return open.send({ method: "GET", path: back });
  }
  const id = await open.account(key, of);
  fail();
  return open.send({ method: "DELETE", path: `/v1/accounts/${id}`, key });
}

describe.each(asked)("X at $path, asked as $whose", ({ path, whose }) => {
  test(
    "may give back what it was sent in any words, and nobody hears it",
    async () => {
      const asked = await opened(whose);
      for (const failure of failures) {
        const answer = await meet(asked, path, () => {
          asked.open.failX(path, failure);
        });
        asked.open.failX(path, null);
        expect(answer.status, failure.name).toBe(path === REVOKE ? 200 : 302);
        expect(await asked.open.leaks("said"), failure.name).toEqual([]);
      }
      expect(await asked.open.leaks()).toEqual([]);
    },
    PATIENCE_MS,
  );

  test.each(Object.entries(faults))("may fail by %s", async (_, some) => {
    const asked = await opened(whose);
    for (const fault of some) {
      await meet(asked, path, () => {
        asked.open.door.x.setFaults([{ match: { path }, fault }]);
      });
      asked.open.door.x.setFaults([]);
      expect(await asked.open.leaks(), JSON.stringify(fault)).toEqual([]);
    }
  });
});

/** What X says with a yes, in fields that we keep and show. */
const yes: { path: string; failure: Failure }[] = [
  {
    path: "/2/users/me",
    failure: {
      name: "a user named after the token",
      answer: ({ secrets: [token = ""] }) =>
        Response.json({ data: { id: "77", username: token, name: `I am ${token.slice(0, 40)}` } }),
    },
  },
  {
    path: "/2/oauth2/token",
    failure: {
      name: "a scope named after the code",
      answer: ({ secrets }) =>
        Response.json({ access_token: "a".repeat(90), expires_in: 7200, scope: secrets.join(" ") }),
    },
  },
  {
    path: "/2/oauth2/token",
    failure: {
      name: "half of the tokens",
      answer: ({ secrets }) => new Response(`{"scope":"${secrets.join(" ")}","refresh_token":"`),
    },
  },
];

test.each(yes)("$failure.name is not kept as such", async ({ path, failure }) => {
  const open = await openLeakDoor();
  const { key } = await open.client();
  open.failX(path, failure);
  const answer = await open.send({ method: "GET", path: await open.consented(key) });
  expect(answer.status).toBe(302);
  await open.send({ method: "GET", path: "/v1/accounts", key });
  expect(await open.leaks()).toEqual([]);
});

test(
  "X may give back the token of a read in any words, and nobody hears it",
  async () => {
    const open = await openLeakDoor();
    const { key } = await open.client();
    const id = await open.account(key);
    for (const failure of failures) {
      open.failX("mentions", failure);
      open.door.advance(3_001);
      const answer = await open.send({ method: "GET", path: `/v1/accounts/${id}/mentions`, key });
      expect(answer.status, failure.name).toBeGreaterThanOrEqual(200);
      expect(await open.leaks("said"), failure.name).toEqual([]);
      // One failure does not stand in the way of the next.
      await open.door.env.DB.prepare("DELETE FROM gates").run();
      await open.door.env.DB_1?.prepare("DELETE FROM gates").run();
    }
    expect(await open.leaks()).toEqual([]);
  },
  PATIENCE_MS,
);
