import { expect, test } from "vitest";
import type { Received } from "#core/x/answer";
import { readRate } from "#core/x/headers";
import { readWords, upstreamOf } from "#core/x/words";

const received = (body: unknown, request_id: string | null = null): Received => ({
  status: 400,
  text: typeof body === "string" ? body : JSON.stringify(body),
  json: typeof body === "string" ? undefined : body,
  rate: readRate(new Headers(), 0),
  request_id,
  secrets: [],
});

const INVALID = "One or more parameters to your request was invalid.";

test.each([
  ["problem+json", { title: "Forbidden", detail: "No.", type: "about:blank" }, "No."],
  [
    "an old validation problem: both sentences",
    { errors: [{ message: "Your media IDs are invalid." }], detail: INVALID },
    `${INVALID} Your media IDs are invalid.`,
  ],
  [
    "legacy errors, joined",
    {
      errors: [
        { code: 1, message: "A." },
        { code: 2, message: "B." },
      ],
    },
    "A. B.",
  ],
  ["errors with details", { errors: [{ detail: "Could not find tweet." }] }, "Could not find tweet."],
  ["the same sentence twice", { detail: "A.", errors: [{ message: "A." }] }, "A."],
  ["OAuth", { error: "invalid_request", error_description: "Missing." }, "Missing."],
  ["OAuth with errors", { error: "x", error_description: "A.", errors: [{ message: "B." }] }, "A. B."],
  ["OAuth without a description", { error: "invalid_client" }, "invalid_client"],
  ["a title alone", { title: "UsageCapExceeded" }, "UsageCapExceeded"],
  ["plain text", "upstream connect error\n", "upstream connect error"],
  ["long text, cut", "no ".repeat(200), "no ".repeat(100)],
  ["nothing", "", null],
  ["an array", [1, 2], "[1,2]"],
  ["wrong types", { detail: 5, errors: "x", title: null }, '{"detail":5,"errors":"x","title":null}'],
])("the words are read from %s", (_, body, detail) => {
  expect(readWords(received(body)).detail).toBe(detail);
});

test.each([
  ["https://api.x.com/2/problems/credits-depleted", "credits-depleted"],
  ["https://api.twitter.com/2/problems/usage-capped", "usage-capped"],
  ["https://developer.x.com/en/problems/client-forbidden", "client-forbidden"],
  ["about:blank", null],
])("the kind of %s is %s", (type, kind) => {
  expect(readWords(received({ type }))).toMatchObject({ type, kind });
});

test("the type may stand in the first error", () => {
  const errors = [{ type: "https://api.twitter.com/2/problems/resource-not-found" }];
  expect(readWords(received({ errors })).kind).toBe("resource-not-found");
});

test("all legacy codes are read, also as text", () => {
  expect(readWords(received({ errors: [{ code: 187 }, { code: "88" }, null, {}] })).codes).toEqual([187, 88]);
});

const TOKEN = "VGhpc0lzTm90QVJlYWxUb2tlbjoxNzYzODk0:1:1:at:1".replaceAll(":", "_");

test.each([
  [
    "a bearer header",
    `Authorization: Bearer ${TOKEN} is no good`,
    "Authorization: Bearer [removed] is no good",
  ],
  ["a short bearer", "bearer abcdefghij:klmnop no", "bearer [removed] no"],
  ["a naked token", `token=${TOKEN}`, "[removed]"],
])("%s does not reach the problem", (_, text, detail) => {
  expect(readWords(received({ detail: text })).detail).toBe(detail);
  expect(readWords(received(text)).detail).toBe(detail);
});

test("a URL of X is not taken for a token", () => {
  const detail = "See https://developer.twitter.com/en/docs/projects/overview for the API.";
  expect(readWords(received({ detail })).detail).toBe(detail);
});

test("what was sent with the call is in none of X's words, however X gives it back", () => {
  const secret = "q.W~9x&Rt5!vB7/nM2";
  const said = received(
    {
      detail: `"${secret}", ${secret.slice(0, 13)}… and ${encodeURIComponent(secret)}`,
      type: `about:${secret}`,
    },
    `t1 ${btoa(secret).slice(0, 16)}`,
  );
  expect(upstreamOf({ ...said, secrets: [secret] })).toEqual({
    status: 400,
    type: "about:[removed]",
    detail: '"[removed]", [removed]… and [removed]',
    request_id: "t1 [removed]",
  });
});

test("X's id of a call may look like a token, and then is none that is kept", () => {
  expect(upstreamOf(received("", TOKEN)).request_id).toBe("[removed]");
});

test("upstream keeps status, type, words and X's id", () => {
  expect(upstreamOf(received({ detail: "No.", type: "about:blank" }, "t1"))).toEqual({
    status: 400,
    type: "about:blank",
    detail: "No.",
    request_id: "t1",
  });
  expect(upstreamOf(received(""))).toEqual({ status: 400, type: null, detail: null });
});
