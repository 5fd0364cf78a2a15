import { describe, expect, test } from "vitest";
import { openDoor } from "../support/door.ts";

const browser = { headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" } };

describe("GET /", () => {
  test("gives programs what this is and where things are", async () => {
    const door = await openDoor();
    const { status, body } = await door.call("GET", "/");
    expect(status).toBe(200);
    expect(body.name).toBe("twitter-api-proxy");
    for (const link of Object.values(body.links as Record<string, string>))
      expect((await door.call("GET", link)).status, link).not.toBe(404);
  });

  test.each([
    ["/", "Twitter API Proxy"],
    ["/?account_id=acc_1", "Account connected"],
    ["/?error=access_denied", "The account was not connected"],
  ])("shows browsers a page at %s: %s", async (path, title) => {
    const door = await openDoor();
    const answer = await door.ask("GET", path, browser);
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(await answer.text()).toContain(`<h1>${title}</h1>`);
  });

  test("puts nothing of the query into the page", async () => {
    const door = await openDoor();
    for (const name of ["account_id", "error"]) {
      const answer = await door.ask("GET", `/?${name}=${encodeURIComponent("<b>hunter2</b>")}`, browser);
      expect(await answer.text()).not.toContain("hunter2");
    }
  });

  test("refuses what it does not know", async () => {
    const door = await openDoor();
    expect((await door.call("GET", "/?debug=1")).status).toBe(400);
  });
});
