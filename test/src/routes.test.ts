import { describe, expect, test } from "vitest";
import { scopes } from "../../src/auth.ts";
import { routes } from "../../src/routes.ts";

const named = routes.map((route) => [`${route.method} ${route.path}`, route] as const);

test("each route is declared once", () => {
  expect(new Set(named.map(([name]) => name)).size).toBe(routes.length);
});

test("what needs no key is known by name", () => {
  const open = named.filter(([, route]) => route.scope === null).map(([name]) => name);
  const pages = ["GET /docs", "GET /docs/start.js", "GET /docs/viewer.css", "GET /docs/viewer.js"];
  const others = ["GET /healthz", "GET /oauth/callback", "GET /openapi.json", "GET /readyz"];
  expect(open.sort()).toEqual(["GET /", ...pages, ...others]);
});

test("what any key may do, whatever its scopes, is known by name", () => {
  const any = named.filter(([, route]) => route.scope === "any").map(([name]) => name);
  // The status and the metrics ask for one of two scopes by themselves.
  expect(any.sort()).toEqual(["GET /metrics", "GET /v1/status", "POST /v1/sessions"]);
});

test("the one GET that changes something says so, and has a page for the people it is meant for", () => {
  expect(named.filter(([, route]) => route.acts).map(([name]) => name)).toEqual(["GET /oauth/callback"]);
  expect(named.filter(([, route]) => route.page).map(([name]) => name)).toEqual(["GET /oauth/callback"]);
});

describe.each(named)("%s", (_, route) => {
  test("says what it takes, who may call it and what it answers", () => {
    expect(route.summary).not.toBe("");
    if (route.scope !== null) expect([...scopes, "any"]).toContain(route.scope);
    expect(Object.keys(route.answers).length).toBeGreaterThan(0);
    const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const declared = route.params?.safeParse({}).error?.issues.map(({ path }) => path[0]) ?? [];
    expect(declared).toEqual(inPath);
  });

  test("changes nothing on GET, and takes a body only where there can be one", () => {
    if (!["POST", "PATCH"].includes(route.method)) expect(route.body).toBeUndefined();
    if (route.method === "GET" && route.scope !== null)
      expect(route.scope).toMatch(/:read$|^admin$|^any$|^media:write$/);
  });
});
