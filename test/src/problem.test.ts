import { describe, expect, test } from "vitest";
import { Problem, problems, type ProblemCode } from "#core/lib/problem";
import { asProblem, problemResponse } from "../../src/problem.ts";

const request = new Request("https://proxy.test/v1/jobs?secret=hunter2");

test.each(Object.keys(problems) as ProblemCode[])(
  "%s is answered in full, as RFC 9457 wants",
  async (code) => {
    const answer = problemResponse(new Problem(code), request, "req_1");
    const [status, title] = problems[code];
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(await answer.json()).toEqual({
      type: `urn:twitter-api-proxy:problem:${code}`,
      title,
      status,
      detail: title,
      instance: "/v1/jobs",
      code,
      request_id: "req_1",
    });
  },
);

test("a problem has its own words, errors and headers", async () => {
  const errors = [{ pointer: "/a", code: "b", detail: "c" }];
  const problem = new Problem("invalid", { detail: "Words", errors, headers: { "retry-after": "7" } });
  const answer = problemResponse(problem, request, "req_1");
  expect(answer.headers.get("retry-after")).toBe("7");
  expect(await answer.json()).toMatchObject({ detail: "Words", errors });
});

test("of very many errors the first hundred are named", async () => {
  const errors = Array.from({ length: 5000 }, (_, i) => ({ pointer: `/${i}`, code: "b", detail: "c" }));
  const answer = problemResponse(new Problem("invalid", { errors }), request, "req_1");
  expect(await answer.json()).toMatchObject({ errors: errors.slice(0, 100) });
});

test("a key that was sent as a path or as a field's name is not repeated; ids are", async () => {
  const key = `tap_${"a".repeat(23)}_${"b".repeat(40)}`;
  const asked = new Request(`https://proxy.test/v1/keys/${key}/acc_01KAB3C4D5V1StGXR8Z5jd0`);
  const errors = [{ pointer: `/fields/${key}`, code: "unknown_field", detail: "There is no such field" }];
  const answer = problemResponse(new Problem("invalid", { errors }), asked, "req_1");
  expect(await answer.json()).toMatchObject({
    instance: "/v1/keys/removed/acc_01KAB3C4D5V1StGXR8Z5jd0",
    errors: [{ pointer: "/fields/removed" }],
  });
});

describe("what was thrown", () => {
  test("is taken as it is when it is a problem", () => {
    const problem = new Problem("not_found");
    expect(asProblem(problem)).toBe(problem);
  });

  test("is internal when nobody foresaw it, and its words stay here", () => {
    for (const thrown of [
      new Error("secret words"),
      new TypeError("secret"),
      "secret",
      null,
      undefined,
      {},
    ]) {
      const problem = asProblem(thrown);
      expect(problem.code).toBe("internal");
      expect(JSON.stringify(problem)).not.toContain("secret");
    }
  });

  test("is a constraint of the database: internal too, for trying again cannot help", () => {
    expect(asProblem(new Error("D1_ERROR: UNIQUE constraint failed: SQLITE_CONSTRAINT")).code).toBe(
      "internal",
    );
  });
});
