import { expect, test } from "vitest";
import { version } from "../../src/version.ts";
import { version as ofPackage } from "../../package.json";

test("the API's version is the package's", () => {
  expect(version).toBe(ofPackage);
});
