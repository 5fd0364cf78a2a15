import { expect, test } from "vitest";
import { bars } from "../../scripts/uploading.ts";

test("both halves are shown, each by its share", () => {
  expect(bars(200, 100, 0)).toBe(
    `in [${"#".repeat(12)}${".".repeat(12)}]  50 %  to X [${".".repeat(24)}]   0 %`,
  );
  expect(bars(200, 200, 200)).toBe(`in [${"#".repeat(24)}] 100 %  to X [${"#".repeat(24)}] 100 %`);
});
