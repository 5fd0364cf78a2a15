import { describe, expect, test } from "vitest";
import * as apiKeys from "#core/store/api-keys";
import { createRouter } from "../../src/router.ts";
import { CONNECTION_LOST, mistakes, openDoor, ORIGIN } from "../support/door.ts";

describe("a path that is not there", () => {
  test.each([
    "/nothing",
    "/v1",
    "/v1/jobs/a/b/c",
    "//v1/jobs",
    "/v1/jobs/%2e%2e/x",
    "/V1/JOBS",
    "/%",
    "/v1/jobs%00",
  ])("%s is not found, with a key or without", async (path) => {
    const door = await openDoor();
    const { key } = await door.client();
    expect(await door.call("GET", path)).toMatchObject({ status: 404, body: { code: "not_found" } });
    expect(await door.call("GET", path, { key })).toMatchObject({ status: 404 });
  });
});

describe("a method that a path does not take", () => {
  test.each([
    ["PUT", "/v1/jobs", "POST, GET, HEAD, OPTIONS"],
    ["PATCH", "/v1/tweets", "POST, GET, HEAD, OPTIONS"],
    ["GET", "/v1/uploads", "POST, OPTIONS"],
    ["HEAD", "/v1/uploads", "POST, OPTIONS"],
    ["DELETE", "/v1/jobs/job_1", "GET, PATCH, HEAD, OPTIONS"],
    ["POST", "/oauth/callback", "GET, OPTIONS"],
    ["HEAD", "/oauth/callback", "GET, OPTIONS"],
    ["GET", "/v1/sessions", "POST, OPTIONS"],
    ["POST", "/v1/clients/cli_1", "GET, PATCH, HEAD, OPTIONS"],
    ["GET", "/v1/uploads/med_1", "HEAD, PATCH, DELETE, OPTIONS"],
  ])("%s %s is refused and told what is taken", async (method, path, allow) => {
    const door = await openDoor();
    const answer = await door.ask(method, path);
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe(allow);
  });
});

describe("HEAD", () => {
  test("is GET without the body", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    for (const path of ["/healthz", "/v1/jobs"]) {
      const answer = await door.ask("HEAD", path, { key });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toBe("application/json");
      expect(await answer.text()).toBe("");
    }
  });

  test("is refused where GET is, without a body too", async () => {
    const door = await openDoor();
    const answer = await door.ask("HEAD", "/v1/jobs");
    expect(answer.status).toBe(401);
    expect(await answer.text()).toBe("");
  });
});

describe("what a path says of itself stands in its answers", () => {
  test.each([
    ["POST", "/v1/uploads", 401],
    ["GET", "/v1/uploads/med_1", 405],
    ["OPTIONS", "/v1/uploads", 204],
  ])("%s %s, which is answered with %i", async (method, path, status) => {
    const door = await openDoor();
    const answer = await door.ask(method, path);
    expect([answer.status, answer.headers.get("tus-resumable")]).toEqual([status, "1.0.0"]);
    expect((await door.ask("GET", "/healthz")).headers.has("tus-resumable")).toBe(false);
  });
});

test("the method that is meant counts only where a protocol says so", async () => {
  const door = await openDoor();
  const { post } = await door.tenant();
  expect((await post({}, { "x-http-method-override": "DELETE" })).status).toBe(202);
});

test("a slash at the end changes nothing", async () => {
  const door = await openDoor();
  const { key, post } = await door.tenant();
  const { body } = await post();
  expect(await door.call("GET", `/v1/jobs/${body.id}/`, { key })).toMatchObject({ status: 200 });
  expect(await door.call("GET", "/v1/jobs///", { key })).toMatchObject({ status: 200 });
});

describe("query parameters", () => {
  test("that are unknown or repeated are refused, all at once", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const { status, body } = await door.call("GET", "/v1/jobs?limit=1&limit=2&page=3&toString=1", { key });
    expect(status).toBe(400);
    expect(mistakes(body)).toEqual(["limit repeated", "page unknown_field", "toString unknown_field"]);
  });

  test("are refused on routes that take none", async () => {
    const door = await openDoor();
    const { key, post } = await door.tenant();
    const { body } = await post();
    for (const [method, path] of [
      ["GET", "/healthz?a=1"],
      ["GET", `/v1/jobs/${body.id}?verbose`],
      ["POST", `/v1/jobs/${body.id}/cancel?force=1`],
      ["POST", "/v1/tweets?dry_run=1"],
    ] as const)
      expect(await door.call(method, path, { key, body: {} }), path).toMatchObject({
        status: 400,
        body: { code: "unknown_parameter" },
      });
  });

  test.each(["__proto__=1", "constructor=1", "hasOwnProperty=1", "=", "a%2Fb=1", "%00=1", "%ED%A0%80=1"])(
    "of the name %s are unknown like any other",
    async (query) => {
      const door = await openDoor();
      const { status, body } = await door.call("GET", `/healthz?${query}`);
      expect(status).toBe(400);
      expect(body.errors).toMatchObject([{ code: "unknown_field" }]);
    },
  );
});

describe("a database that fails", () => {
  test.each([
    "D1_ERROR: Network connection lost.",
    "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
    "D1_ERROR: D1 DB is overloaded. Too many requests queued.",
    "D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.",
    "D1_ERROR: Internal error in D1 DB storage caused object to be reset.",
    "D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node.",
    "D1_ERROR: D1 DB reset because its code was updated.",
    "D1_ERROR: The client disconnected",
    "D1_ERROR: D1 DB exceeded its CPU time limit and was reset.",
    "D1_ERROR: D1 DB's isolate exceeded its memory limit and was reset.",
  ])("is not available for the moment: %s", async (message) => {
    const door = await openDoor();
    const { key } = await door.client();
    door.breakDatabases(() => new Error(message));
    const { status, headers, body } = await door.call("GET", "/v1/jobs", { key });
    expect(status).toBe(503);
    expect(body.code).toBe("unavailable");
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    expect(door.logged("request.failed")).toMatchObject([
      { code: "unavailable", request_id: headers.get("x-request-id") },
    ]);
  });

  test("is met by a 503 on every route that needs it", async () => {
    const door = await openDoor();
    const { key, account_id, post } = await door.tenant();
    const { body } = await post();
    let breaking = false;
    door.breakDatabases((sql) => (breaking && !sql.includes("api_keys") ? CONNECTION_LOST : null));
    breaking = true;
    const tweet = { account_id, text: "hello" };
    for (const [method, path, given] of [
      ["POST", "/v1/tweets", tweet],
      ["POST", "/v1/jobs", { kind: "tweet.create", params: tweet }],
      ["DELETE", `/v1/tweets/1?account_id=${account_id}`, undefined],
      ["GET", "/v1/jobs", undefined],
      ["GET", `/v1/jobs/${body.id}`, undefined],
      ["POST", `/v1/jobs/${body.id}/cancel`, {}],
      ["POST", `/v1/jobs/${body.id}/retry`, {}],
      ["GET", "/v1/accounts", undefined],
      ["GET", `/v1/accounts/${account_id}`, undefined],
      ["POST", "/v1/accounts/connect", { return_url: "https://client.test/connected?tenant=7" }],
      ["GET", "/oauth/callback?state=abc0&code=c", undefined],
    ] as const)
      expect((await door.call(method, path, { key, body: given })).status, `${method} ${path}`).toBe(503);
    expect((await door.call("GET", "/v1/jobs", { key: "tap_x" })).status).toBe(401);
  });

  test("with a fault of ours in it is an internal error that tells the caller nothing, and the log its reason", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    door.breakDatabases(() => new Error("D1_ERROR: no such column: secret_column: SQLITE_ERROR"));
    const { status, body } = await door.call("GET", "/v1/jobs", { key });
    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toContain("secret_column");
    expect(door.logged("request.failed")).toMatchObject([
      { code: "internal", reason: "Error: D1_ERROR: no such column: secret_column: SQLITE_ERROR" },
    ]);
  });
});

describe("an answer that was held back", () => {
  const held = async (door: Awaited<ReturnType<typeof openDoor>>) => {
    const { id, key, post } = await door.tenant();
    const { body } = await post();
    const wait = (seconds: number, by = key) =>
      door.call("GET", `/v1/jobs/${body.id}`, { key: by, headers: { prefer: `wait=${seconds}` } });
    return { id, key, wait };
  };

  test("is not given to a key that was revoked meanwhile", async () => {
    const door = await openDoor();
    const { key, wait } = await held(door);
    door.whileAsleep(async (at) => {
      await apiKeys.revoke(door.env.DB, at, `key_${key.slice(4, 27)}`).run();
    });
    expect((await wait(60)).status).toBe(401);
  });

  test("nor to one that has expired meanwhile", async () => {
    const door = await openDoor();
    const { id, wait } = await held(door);
    const key = await door.key(id, { expires_at: door.now() + 20_000 });
    expect((await wait(30, key)).status).toBe(401);
  });

  test("is given to a key that lives", async () => {
    const door = await openDoor();
    const { wait } = await held(door);
    expect((await wait(60)).status).toBe(200);
  });
});

test("a handler that throws something that is no error is an internal problem", async () => {
  const door = await openDoor();
  const router = createRouter([
    {
      method: "GET",
      path: "/odd",
      summary: "",
      scope: null,
      answers: {},
      handle: () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- what a library might throw
        throw "odd";
      },
    },
  ]);
  const answer = await router.fetch(new Request(`${ORIGIN}/odd`), door.app);
  expect(answer.status).toBe(500);
  expect(await answer.json()).toMatchObject({ code: "internal", instance: "/odd" });
});

test("each answer has a request id of its own, which its problem names", async () => {
  const door = await openDoor();
  const ids = new Set<string | null>();
  for (let i = 0; i < 5; i++) {
    const { headers, body } = await door.call("GET", "/nothing", { headers: { "x-request-id": "mine" } });
    expect(body.request_id).toBe(headers.get("x-request-id"));
    ids.add(headers.get("x-request-id"));
  }
  expect(ids.size).toBe(5);
});
