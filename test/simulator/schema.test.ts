import { expect, test } from "vitest";
import { flawOf, type Schema } from "../../simulator/schema.ts";

const schema: Schema = {
  type: "object",
  required: ["name"],
  properties: {
    name: { type: "string", minLength: 1, maxLength: 2 },
    size: { type: "integer", minimum: 1, maximum: 3 },
    ratio: { type: "number" },
    on: { type: "boolean" },
    ids: { type: "array", items: { type: "string", pattern: /^\d+$/ }, minItems: 1, maxItems: 2 },
    colour: { type: "string", enum: ["red"] },
    free: { type: "object", properties: {}, open: true },
    any: { type: "any" },
  },
};

test.each([
  [{ name: "ab", size: 3, ratio: 1, on: true, ids: ["1", "2"], colour: "red", free: { x: 1 }, any: null }],
  [{ name: "🐱🐱", ratio: 0.5 }],
])("%j fits", (value) => {
  expect(flawOf(schema, value)).toBeNull();
});

test.each([
  [null, ""],
  [[], ""],
  [{}, "name"],
  [{ name: "" }, "name"],
  [{ name: "abc" }, "name"],
  [{ name: "a", size: 0 }, "size"],
  [{ name: "a", size: 4 }, "size"],
  [{ name: "a", size: 1.5 }, "size"],
  [{ name: "a", ratio: "1" }, "ratio"],
  [{ name: "a", on: 1 }, "on"],
  [{ name: "a", ids: [] }, "ids"],
  [{ name: "a", ids: ["1", "2", "3"] }, "ids"],
  [{ name: "a", ids: ["1", "x"] }, "ids[1]"],
  [{ name: "a", colour: "blue" }, "colour"],
  [{ name: "a", free: 1 }, "free"],
  [{ name: "a", other: 1 }, "other"],
  [{ name: "a", constructor: 1 }, "constructor"],
])("%j does not fit, at %j", (value, at) => {
  expect(flawOf(schema, value)).toMatchObject({ at, message: expect.stringContaining(at) as string });
});
