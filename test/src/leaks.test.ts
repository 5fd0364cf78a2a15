import { describe, expect, test } from "vitest";
import { routes } from "../../src/routes.ts";
import { openRing } from "#core/lib/seal";
import { drive, drives } from "../support/drives.ts";
import { openLeakDoor, type LeakDoor } from "../support/leak-door.ts";
import { keysIn, randomRing } from "../support/leaks.ts";

// Marked secrets go in everywhere, everything fails that can, and none of them ever comes out. What X fails at stands in
// leaks-x.test.ts.

const names = routes.map(({ method, path }) => `${method} ${path}`);

/** More than a cached key lives: each request reads its key anew. */
const LATER_MS = 6_000;

async function opened() {
  const open = await openLeakDoor();
  return { open, tenant: await open.client() };
}

test("every route is driven, and nothing else", () => {
  expect(Object.keys(drives).sort()).toEqual([...names].sort());
});

describe.each(names)("%s", (name) => {
  test("shows no secret when all is well", async () => {
    const { open, tenant } = await opened();
    const answer = await open.send(await drive(open, tenant, name));
    expect(answer.status).toBeLessThan(400);
    expect(await open.leaks()).toEqual([]);
  });

  test("shows none when D1 fails at any of its statements, quoting them", async () => {
    const { open, tenant } = await opened();
    for (const words of ["D1_ERROR", "D1_ERROR: Network connection lost"])
      for (let nth = 1, ran = nth; nth <= ran; nth++) {
        const step = await drive(open, tenant, name);
        open.door.advance(LATER_MS);
        open.failStatements(nth, words === "D1_ERROR" ? nth : Infinity, words);
        await open.send(step);
        await open.door.settled();
        ran = open.ran();
        open.failStatements(Infinity, Infinity);
        expect(await open.leaks("said"), `${words} at statement ${nth}`).toEqual([]);
      }
    expect(await open.leaks()).toEqual([]);
  });

  test("shows none when KV, the queues and the limiter fail, quoting what they were given", async () => {
    const { open, tenant } = await opened();
    const step = await drive(open, tenant, name);
    open.door.env.KEY_LIMIT = "on";
    open.failBindings("Network connection lost");
    await open.send(step);
    expect(await open.leaks()).toEqual([]);
  });

  test("shows none when a ring does not open or cannot be read", async () => {
    const { open, tenant } = await opened();
    const other = randomRing("t1");
    for (const ring of [
      other,
      randomRing("t2"),
      `t1${keysIn(other).join()}`,
      `t1:${keysIn(other).join()}x`,
      "",
    ]) {
      const step = await drive(open, tenant, name);
      for (const key of keysIn(other)) open.marks.know("another ring's key", key);
      open.door.app.ring = () => openRing(ring, "TOKEN_KEYS");
      const sessionKeys = open.door.env.SESSION_KEYS ?? "";
      open.door.env.SESSION_KEYS = ring;
      await open.send(step);
      open.door.app.ring = () => openRing(open.door.env.TOKEN_KEYS, "TOKEN_KEYS");
      open.door.env.SESSION_KEYS = sessionKeys;
      expect(await open.leaks("said"), ring).toEqual([]);
    }
    expect(await open.leaks()).toEqual([]);
  });

  test("gives none back that was sent to the wrong place", async () => {
    const { open, tenant } = await opened();
    const weak = await open.client(["webhooks:write"]);
    const { key: right, ...step } = await drive(open, tenant, name);
    const ours = [tenant.key, await open.session(tenant.key)];
    for (const wrong of mistakes(open, step, right ?? null, weak.key, ours)) await open.send(wrong);
    expect(await open.leaks()).toEqual([]);
  });
});

type Given = Awaited<ReturnType<typeof drive>>;

/** A request with its mistakes, one at a time: the wrong one asks, or secrets stand where something else belongs. */
function* mistakes(
  open: LeakDoor,
  step: Given,
  key: string | null,
  weak: string,
  ours: string[],
): Generator<Given> {
  const [first = ""] = ours;
  const { ADMIN_KEY, tenant } = open.own;
  for (const other of [null, weak, ADMIN_KEY, `${ADMIN_KEY}x`, `${first}x`, first.slice(0, -1)])
    yield { ...step, key: other };
  for (const authorization of [`Basic ${first}`, `Bearer ${tenant}`, tenant])
    yield { ...step, key: null, headers: { authorization } };
  for (const secret of ours) {
    yield { ...step, key, path: step.path.replace(/\w{3}_\w{23}/, secret) };
    yield { ...step, key, path: `${step.path}/${secret}` };
    yield { ...step, key, path: `/?${secret}=1` };
    yield { ...step, key, method: "OPTIONS", headers: { origin: `https://${secret}.test` } };
    if (step.body !== undefined) yield { ...step, key, body: { ...step.body, [secret]: true } };
  }
  for (const secret of [...ours, tenant]) {
    const more = `${step.path.includes("?") ? "&" : "?"}api_key=${encodeURIComponent(secret)}`;
    yield { ...step, key, path: step.path + more };
    if (step.body !== undefined) yield* inBody({ ...step, key, body: step.body as object }, secret);
  }
}

/** A secret where the body, its type, or one of its fields is something else. `metadata` is the caller's own to fill. */
function* inBody(step: Given & { body: object }, secret: string): Generator<Given> {
  yield { ...step, text: `{"secret": "${secret}`, body: undefined };
  yield { ...step, headers: { "content-type": secret } };
  yield { ...step, body: [secret] };
  yield { ...step, body: { ...step.body, secret } };
  yield { ...step, body: { ...step.body, x_client_secret: `${secret}\u0007` } };
  for (const field of Object.keys(step.body))
    for (const value of [[secret], [[secret]], 7])
      if (field !== "metadata") yield { ...step, body: { ...step.body, [field]: value } };
}
