import { describe, expect, test } from "vitest";
import { readAppWindows } from "#core/x/app-windows";

describe("the windows of X apps", () => {
  test("are X's where nothing else is said", () => {
    expect(readAppWindows(undefined, "X_APP_WINDOWS")).toMatchObject({ "POST /2/tweets": 10_000 });
  });

  test("are those of the configuration where it names some", () => {
    const windows = readAppWindows('{"POST /2/tweets":17}', "X_APP_WINDOWS");
    expect(windows).toMatchObject({ "POST /2/tweets": 17, "POST /2/media/upload": 50_000 });
  });

  test("are none when they are off", () => {
    expect(readAppWindows("off", "X_APP_WINDOWS")).toEqual({});
  });

  test.each(["no", '{"POST /2/tweets":"many"}', '{"POST /2/tweets":-1}', "[1]"])(
    "that are %s are refused with a sentence",
    (json) => {
      expect(() => readAppWindows(json, "X_APP_WINDOWS")).toThrow(/^X_APP_WINDOWS must be/);
    },
  );
});
