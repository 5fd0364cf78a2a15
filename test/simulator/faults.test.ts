import { describe, expect, test } from "vitest";
import { Faults, faultsFlaw, type FaultRule } from "../../simulator/faults.ts";

const error = { kind: "error", status: 503 } as const;
const call = {
  method: "POST",
  path: "/2/tweets",
  user_id: () => "7",
  text: () => '{"text":"hello, say \\"hi\\"\\n"}',
};

function withRules(rules: FaultRule[], random = () => 0.5) {
  const faults = new Faults(random);
  faults.set(rules);
  return faults;
}

describe("matching", () => {
  test.each<[string, FaultRule["match"], boolean]>([
    ["nothing asked", undefined, true],
    ["the method", { method: "post" }, true],
    ["another method", { method: "DELETE" }, false],
    ["a part of the path", { path: "/2/tw" }, true],
    ["the whole path", { path: "^/2/tweets$" }, true],
    ["another path", { path: "^/2/users" }, false],
    ["the user", { user_id: "7" }, true],
    ["another user", { user_id: "8" }, false],
    ["a part of the body", { text: "hell" }, true],
    ["a part of the body as JSON has it", { text: 'say "hi"\n' }, true],
    ["all but one", { method: "POST", path: "tweets", user_id: "7", text: "bye" }, false],
  ])("%s", (_, match, hits) => {
    const faults = withRules([{ ...(match && { match }), fault: error }]);
    expect(faults.pick(call).fault).toEqual(hits ? error : null);
  });
});

describe("counting", () => {
  test("the first calls are skipped, then the rule fires so many times and is spent", () => {
    const faults = withRules([{ skip: 1, times: 2, fault: error }]);
    const hits = Array.from({ length: 5 }, () => faults.pick(call).fault !== null);
    expect(hits).toEqual([false, true, true, false, false]);
    expect(faults.list()).toMatchObject([{ skip: 1, times: 2, seen: 5, fired: 2 }]);
  });

  test("a rule fires with its probability", () => {
    const chances = [0.1, 0.9, 0.3];
    const faults = withRules([{ probability: 0.3, fault: error }], () => chances.shift() ?? 1);
    expect([0, 1, 2].map(() => faults.pick(call).fault !== null)).toEqual([true, false, false]);
  });

  test("the first rule that fires wins; a spent one gives way to the next; latencies add up", () => {
    const faults = withRules([
      { times: 1, fault: error },
      { fault: { kind: "latency", ms: 20 } },
      { fault: { kind: "drop" } },
      { fault: { kind: "latency", ms: 5 } },
    ]);
    expect(faults.pick(call)).toEqual({ fault: error, latency_ms: 25 });
    expect(faults.pick(call)).toEqual({ fault: { kind: "drop" }, latency_ms: 25 });
  });
});

describe("refusing", () => {
  test.each<[string, unknown]>([
    ["no list", {}],
    ["no fault", [{ times: 1 }]],
    ["an unknown kind", [{ fault: { kind: "explode" } }]],
    ["an error without a status", [{ fault: { kind: "error" } }]],
    ["a hang without a time", [{ fault: { kind: "hang" } }]],
    ["an unknown moment", [{ fault: { kind: "drop", when: "during" } }]],
    ["an unknown property", [{ fault: { kind: "drop" }, often: true }]],
    ["a probability above one", [{ fault: { kind: "drop" }, probability: 2 }]],
    ["a path that is no expression", [{ fault: { kind: "drop" }, match: { path: "(" } }]],
  ])("%s is refused with a reason", (_, rules) => {
    expect(faultsFlaw(rules)).toEqual(expect.any(String));
  });

  test("good rules have no flaw", () => {
    const hang = { kind: "hang", ms: 5, when: "after" };
    expect(faultsFlaw([{ match: { path: "a" }, times: 1, skip: 0, probability: 1, fault: hang }])).toBeNull();
  });
});
