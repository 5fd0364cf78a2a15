import { expect, test } from "vitest";
import { creditsDepleted, invalid, notFound, problem, usual } from "../../simulator/problem.ts";
import { defaults } from "../../simulator/settings.ts";

const bodyOf = ({ body }: { body: string | null }) => JSON.parse(body ?? "") as unknown;
const old = { ...defaults, error_dialect: "old" } as const;

test("a generic problem repeats its title as detail", () => {
  const answer = problem(503);
  expect(answer.headers).toEqual({ "content-type": "application/problem+json" });
  expect(bodyOf(answer)).toEqual({
    detail: "Service Unavailable",
    status: 503,
    title: "Service Unavailable",
    type: "about:blank",
  });
});

test("402 is by default what X says to depleted credits", () => {
  expect(usual(402)).toEqual(creditsDepleted());
  expect(bodyOf(usual(402))).toMatchObject({ detail: "credits depleted", status: 402 });
  expect(usual(500)).toEqual(problem(500));
});

test("an invalid request names parameter and value, in both dialects", () => {
  expect(bodyOf(invalid(defaults, "too few", "max_results", 3))).toEqual({
    detail: "too few",
    parameter: "max_results",
    status: 400,
    title: "Invalid Request",
    type: "https://api.x.com/2/problems/invalid-request",
    value: "3",
  });
  expect(bodyOf(invalid(old, "too few", "max_results", "3"))).toMatchObject({
    errors: [{ parameters: { max_results: ["3"] }, message: "too few" }],
    type: "https://api.twitter.com/2/problems/invalid-request",
  });
});

test("what is not found is told with the host of the dialect", () => {
  expect(notFound(defaults, "user", "id", "9").type).toBe("https://api.x.com/2/problems/resource-not-found");
  expect(notFound(old, "user", "id", "9").type).toBe("https://api.twitter.com/2/problems/resource-not-found");
});
