import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { allKinds } from "#core/jobs/kinds/index";
import { consumeDeadLetters } from "#core/jobs/rescue";
import { serve, type ConsumerEnv } from "#core/jobs/worker";
import { reasonOf } from "#core/lib/log";
import { kindsDriven, openLeakEngine, type Driven, type LeakEngine } from "../support/leak-engine.ts";
import { endMedia, endWebhooks } from "../support/leak-ends.ts";
import { keysIn, randomRing, SAID_BY_JOBS } from "../support/leaks.ts";
import { broken, failures, faults, sorted, type Failure } from "../support/x-failures.ts";

// Jobs run with marked secrets while everything fails that can: none of them ever stands in a row, a log line or a message.

const MINUTE_MS = 60_000;

test("every kind of job is driven", () => {
  expect([...kindsDriven].sort()).toEqual([...allKinds.names].sort());
});

test.each<[Driven, "own" | "tenant"]>([
  ...kindsDriven.map((kind): [Driven, "own"] => [kind, "own"]),
  ["token.refresh", "tenant"],
])(
  "%s keeps nothing that X gives back of what it was sent (X app: %s)",
  async (kind, whose) => {
    const open = await openLeakEngine();
    for (const [index, failure] of failures.entries()) {
      const id = await open.post(kind, await open.account(whose), index % 2 === 0 ? 1 : null);
      open.failX(failure);
      await open.h.turn();
      open.failX(null);
      expect([...(await open.leaks("said")), ...(await open.kept(id))], failure.name).toEqual([]);
      await open.openGates();
    }
    expect(await open.leaks()).toEqual([]);
  },
  3 * MINUTE_MS,
);

describe.each(kindsDriven)("%s", (kind) => {
  test.each(Object.entries(faults))("shows no secret when X fails by %s", async (_, some) => {
    const open = await openLeakEngine();
    for (const fault of some) {
      await open.post(kind, await open.account("own"));
      open.x.setFaults([{ match: { path: "/2/" }, times: 2, fault }]);
      await open.h.pass(MINUTE_MS);
      open.x.setFaults([]);
      expect(await open.leaks(), JSON.stringify(fault)).toEqual([]);
      await open.openGates();
    }
  });

  test.each([
    ["at one statement", "D1_ERROR", (nth: number) => nth],
    ["from one statement on", "D1_ERROR: Network connection lost", () => Infinity],
  ])("shows none when D1 fails %s, quoting what it was given", async (_, words, last) => {
    const open = await openLeakEngine();
    for (let nth = 1, ran = nth; nth <= ran; nth++) {
      await open.post(kind, await open.account("tenant"));
      open.failStatements(nth, last(nth), words);
      await open.h.turn();
      ran = open.ran();
      open.failStatements(Infinity, Infinity);
      expect(await open.leaks("said"), `statement ${nth}`).toEqual([]);
    }
    expect(await open.leaks()).toEqual([]);
  });

  test("shows none when KV fails, quoting what it was given, and none that KV keeps when it does not", async () => {
    const open = await openLeakEngine();
    for (const words of ["KV PUT failed", null]) {
      open.failBindings(words);
      await open.post(kind, await open.account("own"));
      await open.h.turn();
      expect(await open.leaks()).toEqual([]);
    }
  });

  test("shows none of a token that was refused, refreshed and used", async () => {
    const open = await openLeakEngine();
    const account = await open.account("own");
    const id = await open.post(kind, account);
    open.x.expireAccess();
    await open.h.pass(MINUTE_MS);
    expect((await open.h.account_row(account)).token_version).toBe(2);
    expect(["succeeded", "failed"]).toContain((await open.h.job(id)).state);
    expect(await open.leaks()).toEqual([]);
  });

  test("shows none of a pair that does not open, or is no pair", async () => {
    const open = await openLeakEngine();
    for (const token of ["other.aaaaaaaaaaaaaaaa.bbbb", "nothing sealed"]) {
      const account = await open.account("own");
      await open.post(kind, account);
      await env.DB.prepare("UPDATE accounts SET token = ? WHERE id = ?").bind(token, account).run();
      await open.h.turn();
      expect(await open.leaks()).toEqual([]);
    }
  });
});

test("the clock and the dead letters show none when D1 fails, quoting what it was given", async () => {
  const open = await openLeakEngine();
  const account = await open.account("own");
  await open.post("tweet.create", account);
  open.h.advance(100 * MINUTE_MS);
  const batch = (lane: string) =>
    ({
      messages: [{ body: { lane }, ack: () => undefined, retry: () => undefined }],
    }) as unknown as MessageBatch;
  for (let nth = 1; nth <= 8; nth++) {
    open.failStatements(nth, Infinity);
    await open.h.tick().catch((error: unknown) => open.hear("tick.failed", reasonOf(error)));
    await consumeDeadLetters(batch(`tweets:${account}`), open.h.consumer);
  }
  open.failStatements(Infinity, Infinity);
  expect(await open.leaks()).toEqual([]);
});

test("a Worker whose ring cannot be read says so without the key", async () => {
  const open = await openLeakEngine();
  const [key = ""] = keysIn(randomRing("t1"));
  open.marks.know("a ring's key", key);
  const batch = { messages: [], retryAll: () => undefined } as unknown as MessageBatch;
  for (const ring of [key, `t1:${key}x`, `${key}:t1`, `t1:${key},t1:${key}`, `t 1:${key}`])
    await serve(batch, { ...env, TOKEN_KEYS: ring } as unknown as ConsumerEnv, {
      waitUntil: () => undefined,
    });
  expect(await open.leaks()).toEqual([]);
});

describe("every code that jobs alone can say", () => {
  const answering = (status: number, body: unknown): Failure => ({
    name: String(status),
    answer: () => Response.json(body, { status }),
  });

  /** Jobs that end for a reason of ours. */
  async function endHere({ h, account, post }: LeakEngine): Promise<void> {
    await h.post(await account("own"), "too late", { expires_at: h.now() + 1 });
    const params = { account_id: await account("own") };
    await h.remove(params.account_id, "12", { params });
    h.advance(2);
    await h.turn();
    const poisoned = await account("own");
    await post("tweet.delete", poisoned);
    for (let crashes = 0; crashes < 3; crashes++) await h.crash(`deletes:${poisoned}`);
    await h.deliver([{ lane: `deletes:${poisoned}` }]);
  }

  test("is said without a secret", async () => {
    const open = await openLeakEngine();
    await endHere(open);
    await endMedia(open);
    await endWebhooks(open);
    const more = [
      answering(200, { data: { deleted: false } }),
      ...[402, 404, 429, 503].map((status) => answering(status, {})),
    ];
    for (const failure of [...more, ...sorted, ...broken])
      for (const max_attempts of [1, null]) {
        for (const kind of ["tweet.create", "tweet.delete"] as const)
          await open.post(kind, await open.account("own"), max_attempts);
        open.failX(failure);
        await open.h.turn();
        open.failX(null);
        await open.openGates();
      }
    const { results } = await env.DB.prepare("SELECT error, log FROM jobs").all();
    const said = new Set(
      [...JSON.stringify(results).matchAll(/\\"code\\":\\"(\w+)\\"/g)].map(([, code]) => code),
    );
    expect(SAID_BY_JOBS.filter((code) => !said.has(code))).toEqual([]);
    expect(await open.leaks()).toEqual([]);
  }, 60_000);
});
