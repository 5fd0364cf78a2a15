import { expect, test } from "vitest";
import {
  callOf,
  empty,
  html,
  json,
  jsonBody,
  makeCall,
  mediaType,
  responseOf,
} from "../../simulator/exchange.ts";

const nothing = new Uint8Array();

test.each([
  ["/a/b?c=d&e=f", "/a/b", "d"],
  ["https://x.test/a/b?c=d", "/a/b", "d"],
  ["https://x.test/a/b#c", "/a/b", null],
  ["https://x.test", "/", null],
])("%s is taken apart", (url, path, c) => {
  const call = makeCall("GET", url, () => null, nothing);
  expect([call.path, call.query.get("c")]).toEqual([path, c]);
});

test("a request becomes a call, its body and headers with it", async () => {
  const headers = { "content-type": "Application/JSON; charset=utf-8" };
  const call = await callOf(new Request("https://x.test/a", { method: "POST", headers, body: '{"ü":1}' }));
  expect([call.method, call.path, mediaType(call), jsonBody(call)]).toEqual([
    "POST",
    "/a",
    "application/json",
    { ü: 1 },
  ]);
});

test("a body that is not JSON is undefined", () => {
  expect(jsonBody(makeCall("POST", "/", () => null, nothing))).toBeUndefined();
});

test("answers become responses", async () => {
  const reply = responseOf(json({ a: 1 }, 201));
  expect([reply.status, await reply.json()]).toEqual([201, { a: 1 }]);
  expect(await responseOf(empty(404)).text()).toBe("");
  expect(responseOf(empty(204)).body).toBeNull();
  expect(responseOf(html(502, "<p>")).headers.get("content-type")).toContain("text/html");
});
