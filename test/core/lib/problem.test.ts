import { expect, test } from "vitest";
import { Problem, problems, type ProblemCode } from "#core/lib/problem";

const all = Object.entries(problems) as [ProblemCode, readonly [number, string]][];

test.each(all)(
  "%s has a status of refusal and a title that is a sentence's beginning",
  (code, [status, title]) => {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    expect(title).toMatch(/^[A-Z].*[^.]$/);
    expect(new Problem(code).status).toBe(status);
  },
);

test("without a detail the title says it all", () => {
  expect(JSON.parse(JSON.stringify(new Problem("not_found")))).toEqual({
    code: "not_found",
    title: "Not found",
    detail: "Not found",
  });
});

test("X's own words are kept, and said to be X's", () => {
  const upstream = { status: 403, type: "about:blank", detail: "duplicate", request_id: "r" };
  const errors = [{ pointer: "/text", code: "too_long", detail: "d" }];
  expect(new Problem("x_duplicate", { detail: "Said before", upstream, errors }).toJSON()).toEqual({
    code: "x_duplicate",
    title: problems.x_duplicate[1],
    detail: "Said before",
    source: "x",
    upstream,
    errors,
  });
});

test("headers are for the answer and never for a job's row", () => {
  expect(new Problem("too_many_requests", { headers: { "retry-after": "1" } }).toJSON()).not.toHaveProperty(
    "headers",
  );
});

test("as an error it reads as a line", () => {
  expect(String(new Problem("expired"))).toBe("Problem: expired: The job was not sent before its expires_at");
});
