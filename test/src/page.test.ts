import { expect, test } from "vitest";
import { page, wantsHtml } from "../../src/page.ts";

test.each([
  ["text/html", true],
  ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true],
  ["application/json", false],
  ["*/*", false],
  ["", false],
])("Accept: %s is a browser's: %s", (accept, is) => {
  expect(wantsHtml(new Request("https://proxy.test/", { headers: { accept } }))).toBe(is);
});

test("without the header it is no browser", () => {
  expect(wantsHtml(new Request("https://proxy.test/"))).toBe(false);
});

test("a page runs no scripts, is kept nowhere and tells nobody where it was", async () => {
  const answer = page("Title", "Words.", 400);
  expect(answer.status).toBe(400);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
  });
  expect(await answer.text()).toMatch(/<title>Title<\/title>[^]*<h1>Title<\/h1><p>Words\.<\/p>/);
});
