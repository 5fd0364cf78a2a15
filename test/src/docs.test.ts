import { describe, expect, test } from "vitest";
import { openDoor } from "../support/door.ts";

const get = async (path: string) => {
  const door = await openDoor();
  const answer = await door.ask("GET", path);
  return { answer, text: await answer.text() };
};

test("the description is an OpenAPI 3.1 document of every route, at the address it was asked at", async () => {
  const { answer, text } = await get("/openapi.json");
  const document = JSON.parse(text) as { openapi: string; servers: { url: string }[]; paths: object };
  expect(answer.status).toBe(200);
  expect(document.openapi).toBe("3.1.0");
  expect(document.servers[0]?.url).toBe("https://proxy.test");
  expect(Object.keys(document.paths)).toContain("/v1/tweets");
});

describe("the page that reads it", () => {
  test("runs what we serve and nothing else", async () => {
    const { answer, text } = await get("/docs");
    expect(answer.headers.get("content-security-policy")).toContain("script-src 'self'");
    const addresses = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address = ""]) => address);
    expect(addresses).toEqual(["/docs/viewer.css", "/docs/viewer.js", "/docs/start.js"]);
    for (const address of addresses) expect((await get(address)).answer.status).toBe(200);
  });

  test.each([
    ["/docs/viewer.js", "text/javascript", "SwaggerUIBundle"],
    ["/docs/viewer.css", "text/css", ".swagger-ui"],
    ["/docs/start.js", "text/javascript", "/openapi.json"],
  ])("%s is %s", async (path, type, holds) => {
    const { answer, text } = await get(path);
    expect(answer.headers.get("content-type")).toBe(`${type}; charset=utf-8`);
    expect(text).toContain(holds);
  });
});
