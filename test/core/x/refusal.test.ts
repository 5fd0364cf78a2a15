import { expect, test } from "vitest";
import { fail } from "#core/lib/outcome";
import { Problem } from "#core/lib/problem";
import { Refusal } from "#core/x/refusal";

test("a refusal carries its outcome", () => {
  const outcome = fail(new Problem("x_forbidden"));
  const refusal = new Refusal(outcome);
  expect(refusal.outcome).toBe(outcome);
  expect(refusal.message).toBe("refused: fail");
});
