import { expect, test } from "vitest";
import { accountId } from "#core/jobs/kinds/account-id";
import { newId } from "#core/lib/ids";

test("an id that was made for an account is taken", () => {
  expect(accountId.safeParse(newId("acc", "0", Date.now())).success).toBe(true);
});

test.each([
  ["another thing's id", newId("job", "0", 0)],
  ["a short one", "acc_1"],
  ["one with something behind it", `${newId("acc", "0", 0)}x`],
  ["one with a line break", `${newId("acc", "0", 0)}\n`],
  ["a number", 7],
  ["nothing", undefined],
])("%s is refused", (_, value) => {
  expect(accountId.safeParse(value).success).toBe(false);
});
