import { describe, expect, test } from "vitest";
import { addCors, optionsResponse } from "../../src/cors.ts";
import { ADMIN_KEY, CONNECTION_LOST, openDoor, ORIGIN, type Door } from "../support/door.ts";

const PAGE = "https://app.test";
const CORS_ORIGINS = `${PAGE}, http://localhost:3000`;

/** What a browser asks before a page's request. */
const preflight = (door: Door, path: string, method: string, origin = PAGE) =>
  door.ask("OPTIONS", path, {
    headers: {
      origin,
      "access-control-request-method": method,
      "access-control-request-headers": "authorization,content-type",
    },
  });

const corsOf = (answer: Response): string[] =>
  [...answer.headers.keys()].filter((name) => name.startsWith("access-control-"));

const listed = (answer: Response, name: string): string[] =>
  (answer.headers.get(name) ?? "").toLowerCase().split(", ");

/** As a browser does it: preflight first, then the request if that allows it, and no reading what may not be read. */
async function fetchFromPage(
  door: Door,
  method: string,
  path: string,
  asked: { key: string; body?: unknown },
  origin = PAGE,
) {
  const allowed = await preflight(door, path, method, origin);
  if (!allowed.ok || allowed.headers.get("access-control-allow-origin") !== origin)
    throw new TypeError("blocked");
  if (!listed(allowed, "access-control-allow-methods").includes(method.toLowerCase()))
    throw new TypeError("method");
  for (const header of ["authorization", "content-type"])
    if (!listed(allowed, "access-control-allow-headers").includes(header)) throw new TypeError(header);
  const answer = await door.ask(method, path, { ...asked, headers: { origin } });
  if (answer.headers.get("access-control-allow-origin") !== origin) throw new TypeError("unreadable");
  const exposed = listed(answer, "access-control-expose-headers");
  return {
    status: answer.status,
    body: await answer.json<{ id: string }>(),
    header: (name: string) => (exposed.includes(name) ? answer.headers.get(name) : null),
  };
}

describe("a page of a configured origin", () => {
  test("posts a tweet with a session's token and follows it to its job", async () => {
    const door = await openDoor({ CORS_ORIGINS });
    const { key, account_id } = await door.tenant();
    const scopes = ["jobs:read", "jobs:write"];
    const { body } = await door.call("POST", "/v1/sessions", { key, body: { scopes } });
    const token = body.token as string;
    door.keep(token);
    const tweet = { account_id, text: "from a page" };
    const posted = await fetchFromPage(door, "POST", "/v1/tweets", { key: token, body: tweet });
    expect(posted.status).toBe(202);
    expect(posted.header("retry-after")).not.toBeNull();
    expect(posted.header("x-request-id")).toMatch(/^req_/);
    const job = await fetchFromPage(door, "GET", posted.header("location") ?? "", { key: token });
    expect(job).toMatchObject({ status: 200, body: { id: posted.body.id } });
    expect(job.header("etag")).toBe('"1"');
  });

  test("hears in a preflight what the path takes, without any key", async () => {
    const door = await openDoor({ CORS_ORIGINS });
    const answer = await preflight(door, "/v1/clients/cli_1", "PATCH", "http://localhost:3000");
    expect(answer.status).toBe(204);
    expect(answer.headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
    expect(answer.headers.get("access-control-allow-methods")).toBe("GET, PATCH, HEAD, OPTIONS");
    expect(listed(answer, "access-control-allow-headers")).toEqual([
      "authorization",
      "content-type",
      "idempotency-key",
      "if-match",
      "prefer",
      "tus-resumable",
      "upload-length",
      "upload-defer-length",
      "upload-concat",
      "upload-metadata",
      "upload-offset",
      "upload-checksum",
      "x-http-method-override",
      "x-request-id",
      "x-requested-with",
    ]);
    expect(Number(answer.headers.get("access-control-max-age"))).toBeGreaterThan(0);
    expect(answer.headers.get("vary")).toBe("Origin");
    expect(answer.headers.get("allow")).toBe("GET, PATCH, HEAD, OPTIONS");
    expect(await answer.text()).toBe("");
  });

  test("reads every error, but never with credentials of the browser", async () => {
    const door = await openDoor({ CORS_ORIGINS, KEY_LIMIT: "on" });
    const { key } = await door.client();
    const from = { headers: { origin: PAGE } };
    const answers = [
      await door.ask("GET", "/v1/jobs", from),
      await door.ask("GET", "/nothing", from),
      await door.ask("PUT", "/v1/jobs", from),
      await door.ask("POST", "/v1/tweets", { ...from, key, text: "{" }),
    ];
    let answer = await door.ask("GET", "/v1/jobs", { ...from, key });
    for (let tries = 0; answer.status !== 429 && tries < 20; tries++)
      answer = await door.ask("GET", "/v1/jobs", { ...from, key });
    answers.push(answer);
    door.env.KEY_LIMIT = "off";
    door.breakDatabases(() => new Error("a fault of ours"));
    answers.push(await door.ask("GET", "/v1/jobs", { ...from, key }));
    door.breakDatabases(() => CONNECTION_LOST);
    answers.push(await door.ask("GET", "/v1/jobs", { ...from, key }));
    expect(answers.map(({ status }) => status)).toEqual([401, 404, 405, 415, 429, 500, 503]);
    for (const one of answers) {
      expect(one.headers.get("access-control-allow-origin")).toBe(PAGE);
      expect(listed(one, "access-control-expose-headers")).toContain("retry-after");
      expect(one.headers.get("vary")).toBe("Origin");
      expect(one.headers.has("access-control-allow-credentials")).toBe(false);
    }
  });
});

describe("what a page may read of an answer", () => {
  test("is exactly this", async () => {
    const door = await openDoor({ CORS_ORIGINS });
    const answer = await door.ask("GET", "/healthz", { headers: { origin: PAGE } });
    expect(answer.headers.get("access-control-expose-headers")?.split(", ")).toEqual([
      "Location",
      "Retry-After",
      "X-Request-Id",
      "ETag",
      "Idempotent-Replayed",
      "RateLimit-Policy",
      "Preference-Applied",
      "Upload-Offset",
      "Upload-Length",
      "Upload-Metadata",
      "Upload-Expires",
      "Tus-Resumable",
      "Tus-Version",
      "Tus-Extension",
      "Tus-Max-Size",
      "Tus-Checksum-Algorithm",
    ]);
  });
});

describe("a page of another origin is let in nowhere", () => {
  test.each([
    "https://evil.test",
    "http://app.test",
    "https://app.test:8443",
    "https://app.test.evil.test",
    "https://sub.app.test",
    "https://app.test/",
    "HTTPS://APP.TEST",
    "null",
    "*",
    "",
  ])("%s", async (origin) => {
    const door = await openDoor({ CORS_ORIGINS });
    for (const answer of [
      await preflight(door, "/v1/jobs", "GET", origin),
      await door.ask("GET", "/healthz", { headers: { origin } }),
    ]) {
      expect(corsOf(answer)).toEqual([]);
      expect(answer.headers.get("vary")).toBe("Origin");
    }
  });

  test("not even with a good key", async () => {
    const door = await openDoor({ CORS_ORIGINS });
    const { key } = await door.client();
    await expect(fetchFromPage(door, "GET", "/v1/jobs", { key }, "https://evil.test")).rejects.toThrow(
      "blocked",
    );
  });
});

describe("what is configured", () => {
  const lets = (configured: string | undefined, origin: string): boolean => {
    const headers = new Headers();
    addCors(headers, new Request(ORIGIN, { headers: { origin } }), configured);
    return headers.get("access-control-allow-origin") === origin;
  };

  test.each([
    ["https://a.test", "https://a.test", true],
    [" https://b.test ,https://a.test", "https://a.test", true],
    ["https://A.test/", "https://a.test", true],
    ["https://a.test:443", "https://a.test", true],
    ["capacitor://localhost", "capacitor://localhost", true],
    ["*", "https://a.test", false],
    ["*", "*", false],
    ["null", "null", false],
    ["file:///index.html", "null", false],
    ["https://*.a.test", "https://b.a.test", false],
    ["a.test", "a.test", false],
    ["", "", false],
  ])("%j lets %j in: %s", (configured, origin, is) => {
    expect(lets(configured, origin)).toBe(is);
  });

  test.each([undefined, "", " , "])(
    "as %j is nobody, and answers say nothing of origins",
    async (configured) => {
      const door = await openDoor(configured === undefined ? {} : { CORS_ORIGINS: configured });
      for (const answer of [
        await preflight(door, "/v1/jobs", "GET"),
        await door.ask("GET", "/healthz", { headers: { origin: PAGE } }),
      ]) {
        expect(answer.ok).toBe(true);
        expect(corsOf(answer)).toEqual([]);
        expect(answer.headers.has("vary")).toBe(false);
      }
    },
  );

  test("is added to what an answer varies by already", () => {
    const headers = new Headers({ vary: "Accept" });
    addCors(headers, new Request(ORIGIN), PAGE);
    expect(headers.get("vary")).toBe("Accept, Origin");
  });
});

describe("OPTIONS", () => {
  test.each([
    ["/v1/jobs", "POST, GET, HEAD, OPTIONS"],
    ["/v1/jobs/job_1/cancel", "POST, OPTIONS"],
    ["/v1/keys/key_1", "DELETE, OPTIONS"],
    ["/", "GET, HEAD, OPTIONS"],
  ])("of %s without an origin tells what it takes: %s", async (path, allow) => {
    const door = await openDoor({ CORS_ORIGINS });
    const answer = await door.ask("OPTIONS", path);
    expect(answer.status).toBe(204);
    expect(answer.headers.get("allow")).toBe(allow);
    expect(corsOf(answer)).toEqual([]);
  });

  test("that is no preflight grants nothing, also to a page that may call", () => {
    const request = new Request(ORIGIN, { method: "OPTIONS", headers: { origin: PAGE } });
    expect(corsOf(optionsResponse(request, ["GET"], PAGE))).toEqual([]);
  });

  test("of a path that is not there is not found", async () => {
    const door = await openDoor({ CORS_ORIGINS });
    expect((await preflight(door, "/v1/nothing", "GET")).status).toBe(404);
    expect((await door.ask("OPTIONS", "/nothing", { key: ADMIN_KEY })).status).toBe(404);
  });

  test("spends nothing of anybody's limit", async () => {
    const door = await openDoor({ CORS_ORIGINS, KEY_LIMIT: "on" });
    for (let i = 0; i < 20; i++) expect((await preflight(door, "/v1/jobs", "GET")).status).toBe(204);
  });
});
