import { expect, test } from "vitest";
import { Dropped, json } from "../../simulator/exchange.ts";
import type { Fault } from "../../simulator/faults.ts";
import { misbehave } from "../../simulator/misbehave.ts";

async function meet(fault: Fault) {
  const log: string[] = [];
  const act = async () => {
    log.push("acted");
    const answer = json({ ok: true });
    return {
      ...answer,
      headers: { ...answer.headers, "x-rate-limit-limit": "1", "x-app-limit-24hour-limit": "2" },
    };
  };
  const sleep = async (ms: number) => void log.push(`slept ${ms}`);
  const answer = await misbehave(fault, act, { now_ms: 1_000, window: [5, 60], sleep }).catch(
    (error: unknown) => error,
  );
  return { log, answer };
}

test.each<[string, Fault, string[], object]>([
  ["an error before acting", { kind: "error", status: 503 }, [], { status: 503 }],
  ["an error after acting", { kind: "error", status: 503, when: "after" }, ["acted"], { status: 503 }],
  ["a hang before acting", { kind: "hang", ms: 9, when: "before" }, ["slept 9"], { status: 504 }],
  ["a hang after acting", { kind: "hang", ms: 9, when: "after" }, ["acted", "slept 9"], { status: 200 }],
  ["an HTML page", { kind: "html", status: 502 }, [], { status: 502 }],
  ["an empty body", { kind: "empty", status: 200, when: "after" }, ["acted"], { status: 200, body: null }],
  ["latency, which is slept elsewhere", { kind: "latency", ms: 9 }, ["acted"], { status: 200 }],
])("%s", async (_, fault, log, answer) => {
  const met = await meet(fault);
  expect(met.log).toEqual(log);
  expect(met.answer).toMatchObject(answer);
});

test.each<[string, string[]]>([
  ["before", []],
  ["after", ["acted"]],
])("a connection dropped %s acting throws", async (when, log) => {
  const met = await meet({ kind: "drop", when: when as "before" });
  expect(met.answer).toBeInstanceOf(Dropped);
  expect(met.log).toEqual(log);
});

test("an error has the body and headers it is given, or X's usual ones", async () => {
  const own = await meet({
    kind: "error",
    status: 403,
    body: { error: "no" },
    headers: { "Retry-After": "3" },
  });
  expect(own.answer).toMatchObject({
    body: '{"error":"no"}',
    headers: { "content-type": "application/json; charset=utf-8", "retry-after": "3" },
  });
  const text = await meet({ kind: "error", status: 500, body: "oops" });
  expect(text.answer).toMatchObject({
    body: "oops",
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
  const usual = await meet({ kind: "error", status: 402 });
  expect(usual.answer).toMatchObject({ body: expect.stringContaining("credits-depleted") as string });
});

test("being rate limited comes with or without headers", async () => {
  const { answer } = await meet({ kind: "rate_limited" });
  expect(answer).toMatchObject({
    status: 429,
    headers: { "x-rate-limit-limit": "5", "x-rate-limit-remaining": "0", "x-rate-limit-reset": "61" },
  });
  const bare = await meet({ kind: "rate_limited", headers: false });
  expect(bare.answer).toMatchObject({ status: 429, headers: { "content-type": "application/problem+json" } });
  expect(bare.log).toEqual([]);
});

test("rate headers can go missing from an answer that is right otherwise", async () => {
  const { answer } = await meet({ kind: "no_rate_headers" });
  expect(answer).toEqual(json({ ok: true }));
});
