import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Problem } from "#core/lib/problem";
import { fieldErrors, readQuery } from "../../src/validate.ts";

const schema = z.strictObject({
  name: z.string(),
  "a/b~c": z.int().optional(),
  list: z.array(z.strictObject({ n: z.number() })).optional(),
});

const errorsOf = (value: unknown, prefix?: string) => {
  const { error } = schema.safeParse(value);
  return error ? fieldErrors(error, prefix).map(({ pointer, code }) => `${pointer} ${code}`) : [];
};

describe("fieldErrors", () => {
  test("finds every mistake, as JSON pointers", () => {
    expect(errorsOf({ "a/b~c": "x", list: [{ n: 1 }, { n: "2", m: 3 }], more: 1, evenMore: 2 })).toEqual([
      "/name required",
      "/a~1b~0c invalid_type",
      "/list/1/n invalid_type",
      "/list/1/m unknown_field",
      "/more unknown_field",
      "/evenMore unknown_field",
    ]);
  });

  test("puts a prefix before each", () => {
    expect(errorsOf({}, "/params")).toEqual(["/params/name required"]);
    expect(errorsOf([], "/params")).toEqual(["/params invalid_type"]);
  });

  test("names a mistake of ours by its own code", () => {
    const custom = z.string().superRefine((_, context) => {
      context.addIssue({ code: "custom", message: "No", params: { code: "too_long" } });
      context.addIssue({ code: "custom", message: "No" });
    });
    const { error } = custom.safeParse("x");
    expect(error && fieldErrors(error).map(({ code }) => code)).toEqual(["too_long", "invalid"]);
  });

  test("never repeats the value, which may be a secret", () => {
    const { error } = schema.safeParse({ name: ["hunter2"], list: "hunter2", "a/b~c": "hunter2" });
    expect(JSON.stringify(error && fieldErrors(error))).not.toContain("hunter2");
  });
});

describe("readQuery", () => {
  const query = z.strictObject({
    limit: z.coerce.number().int().max(9).default(3),
    q: z.string().optional(),
  });
  const read = (search: string) => {
    try {
      return readQuery(new URL(`https://proxy.test/${search}`), query);
    } catch (problem) {
      return (problem as Problem).extra.errors?.map(({ pointer, code }) => `${pointer} ${code}`);
    }
  };

  test("reads each parameter once, decoded", () => {
    expect(read("")).toEqual({ limit: 3 });
    expect(read("?q=a%20b+c&limit=4")).toEqual({ q: "a b c", limit: 4 });
  });

  test("finds every mistake, by the parameter's name", () => {
    expect(read("?limit=99&q=1&q=2&other=1&a/b=1")).toEqual([
      "q repeated",
      "limit too_big",
      "other unknown_field",
      "a/b unknown_field",
    ]);
  });
});
