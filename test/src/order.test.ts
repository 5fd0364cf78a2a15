import { describe, expect, test } from "vitest";
import { allKinds } from "#core/jobs/kinds/index";
import { mistakes, openDoor } from "../support/door.ts";

const NOON = Date.UTC(2026, 10, 23, 12);
const at = (ms: number) => new Date(NOON + ms).toISOString();
const HOUR = 3_600_000;
const YEAR = 366 * 24 * HOUR;

describe("every mistake is named at once", () => {
  const wrong = {
    text: 7,
    reply_to: "not-an-id",
    poll: { options: ["a"], duration_minutes: 1, extra: true },
    quote: "1",
    nope: 1,
    "a/b~c": 1,
  };
  const wrongCommon = {
    run_at: "tomorrow",
    expires_at: at(-1),
    order: "random",
    max_attempts: 0,
    metadata: [],
  };
  const inParams = (prefix: string) => [
    `${prefix}/account_id required`,
    `${prefix}/nope unknown_field`,
    `${prefix}/a~1b~0c unknown_field`,
    `${prefix}/poll exclusive`,
    `${prefix}/poll/duration_minutes too_small`,
    `${prefix}/poll/extra unknown_field`,
    `${prefix}/poll/options too_small`,
    `${prefix}/quote exclusive`,
    `${prefix}/reply_to invalid_format`,
    `${prefix}/text invalid_type`,
  ];
  const inCommon = [
    "/run_at invalid_format",
    "/expires_at too_early",
    "/order invalid_value",
    "/max_attempts too_small",
    "/metadata invalid_type",
  ];

  test("in a tweet, where params and common fields stand side by side", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const { status, body } = await door.call("POST", "/v1/tweets", {
      key,
      body: { ...wrong, ...wrongCommon },
    });
    expect(status).toBe(422);
    expect(body.code).toBe("invalid");
    expect(mistakes(body)).toEqual([...inParams(""), ...inCommon].sort());
  });

  test("in a job, where params have a place of their own", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const { status, body } = await door.call("POST", "/v1/jobs", {
      key,
      body: {
        kind: "tweet.create",
        params: wrong,
        ...wrongCommon,
        text: "misplaced",
        account_id: "misplaced",
      },
    });
    expect(status).toBe(422);
    expect(mistakes(body)).toEqual(
      [...inParams("/params"), ...inCommon, "/text unknown_field", "/account_id unknown_field"].sort(),
    );
  });

  test("in a job of an unknown kind, with its common fields", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    for (const kind of ["tweet.sing", "__proto__", "", null, 7, ["tweet.create"], undefined]) {
      const { status, body } = await door.call("POST", "/v1/jobs", {
        key,
        body: { kind, params: {}, ...wrongCommon, foo: 1 },
      });
      expect(status).toBe(422);
      expect(mistakes(body)).toEqual([...inCommon, "/kind invalid_value", "/foo unknown_field"].sort());
      for (const name of allKinds.names) expect(JSON.stringify(body)).toContain(name);
    }
  });

  test("a time that is out of bounds beside a field that is no good", async () => {
    const door = await openDoor();
    const { post } = await door.tenant();
    const { body } = await post({ run_at: at(2 * YEAR), expires_at: at(HOUR), max_attempts: 1.5 });
    expect(mistakes(body)).toEqual([
      "/expires_at too_early",
      "/max_attempts invalid_type",
      "/run_at too_far",
    ]);
  });

  test.each([null, [], "text", 7, undefined])("params that are %j are named as such", async (params) => {
    const door = await openDoor();
    const { key } = await door.client();
    const { body } = await door.call("POST", "/v1/jobs", { key, body: { kind: "tweet.delete", params } });
    expect(mistakes(body)).toEqual([`/params ${params === undefined ? "required" : "invalid_type"}`]);
  });
});

describe("a field whose time has not come is unknown", () => {
  test.each([
    ["batch_id", "bat_1"],
    ["kind", "tweet.create"],
    ["params", {}],
    ["id", "job_1"],
    ["client_id", "cli_1"],
    ["state", "succeeded"],
    ["constructor", 1],
    ["toString", 1],
    ["Text", "hello"],
    ["", 1],
  ])("%s", async (name, value) => {
    const door = await openDoor();
    const { key, account_id } = await door.tenant();
    const text = `{"account_id":"${account_id}","text":"hello",${JSON.stringify(name)}:${JSON.stringify(value)}}`;
    const headers = { "content-type": "application/json" };
    const { status, body } = await door.call("POST", "/v1/tweets", { key, text, headers });
    expect(status).toBe(422);
    expect(mistakes(body)).toEqual([`/${name} unknown_field`]);
  });
});

test("of a field given twice the last counts, as everywhere in JSON", async () => {
  const door = await openDoor();
  const { key, account_id } = await door.tenant();
  const text = `{"account_id":"${account_id}","text":7,"text":"hello","max_attempts":1,"max_attempts":3}`;
  const headers = { "content-type": "application/json" };
  const { status, body } = await door.call("POST", "/v1/tweets", { key, text, headers });
  expect(status).toBe(202);
  expect(body.max_attempts).toBe(3);
});

describe("run_at", () => {
  test.each([
    "2026-11-24T12:00:00",
    "2026-11-24",
    "24.11.2026",
    "2026-02-30T12:00:00Z",
    "2026-11-24T25:00:00Z",
    "2026-11-24T12:00:00 Z",
    "2026-11-24t12:00:00z",
    "+012026-11-24T12:00:00Z",
    "1795608000",
    "",
  ])("%s is no time", async (run_at) => {
    const door = await openDoor();
    const { post } = await door.tenant();
    const { status, body } = await post({ run_at });
    expect(status).toBe(422);
    expect(mistakes(body)).toEqual(["/run_at invalid_format"]);
  });

  test.each([1795608000, null, true, {}])("%j is of the wrong type", async (run_at) => {
    const door = await openDoor();
    const { post } = await door.tenant();
    expect(mistakes((await post({ run_at })).body)).toEqual(["/run_at invalid_type"]);
  });

  test.each([
    ["2026-11-24T12:00:00Z", "2026-11-24T12:00:00.000Z"],
    ["2026-11-24T12:00:00.123456789Z", "2026-11-24T12:00:00.123Z"],
    ["2026-11-24T12:00:00+05:30", "2026-11-24T06:30:00.000Z"],
    ["2026-11-24T12:00:00-23:59", "2026-11-25T11:59:00.000Z"],
  ])("%s schedules the job", async (run_at, shown) => {
    const door = await openDoor();
    const { post } = await door.tenant();
    const { status, body } = await post({ run_at });
    expect(status).toBe(202);
    expect(body).toMatchObject({ state: "scheduled", run_at: shown });
    expect(Date.parse(body.expires_at as string) - Date.parse(shown)).toBe(7 * 24 * HOUR);
  });

  test("in the past means now, and the job is queued", async () => {
    const door = await openDoor();
    const { post } = await door.tenant();
    for (const run_at of [at(-1), "0000-01-01T00:00:00Z"]) {
      const { body } = await post({ run_at });
      expect(body).toMatchObject({ state: "queued", expires_at: at(7 * 24 * HOUR) });
    }
  });

  test("may be a year ahead and not more", async () => {
    const door = await openDoor();
    const { post } = await door.tenant();
    expect((await post({ run_at: at(YEAR) })).status).toBe(202);
    for (const run_at of [at(YEAR + 1), at(2 * YEAR), "9999-12-31T23:59:59Z"])
      expect(mistakes((await post({ run_at })).body)).toEqual(["/run_at too_far"]);
  });
});

describe("expires_at", () => {
  test.each([
    [undefined, at(0), "/expires_at too_early"],
    [undefined, at(-HOUR), "/expires_at too_early"],
    [at(HOUR), at(HOUR), "/expires_at too_early"],
    [at(HOUR), at(HOUR - 1), "/expires_at too_early"],
    [at(-HOUR), at(-1), "/expires_at too_early"],
    [undefined, "2026-11-30", "/expires_at invalid_format"],
  ])("with a run_at of %s, %s is refused", async (run_at, expires_at, mistake) => {
    const door = await openDoor();
    const { post } = await door.tenant();
    const { status, body } = await post({ run_at, expires_at });
    expect(status).toBe(422);
    expect(mistakes(body)).toEqual([mistake]);
  });

  test("is kept as it is given", async () => {
    const door = await openDoor();
    const { post } = await door.tenant();
    for (const expires_at of [at(1), "9999-12-31T23:59:59.999Z"])
      expect((await post({ expires_at })).body.expires_at).toBe(expires_at);
  });
});

describe("max_attempts", () => {
  test.each([0, -1, 21, 1.5, 1e300, "3", null, true])("%j is refused", async (max_attempts) => {
    const door = await openDoor();
    const { post } = await door.tenant();
    const { status, body } = await post({ max_attempts });
    expect(status).toBe(422);
    expect(body.errors[0]?.pointer).toBe("/max_attempts");
  });

  test.each([1, 20])("%j is taken", async (max_attempts) => {
    const door = await openDoor();
    const { post } = await door.tenant();
    expect((await post({ max_attempts })).body.max_attempts).toBe(max_attempts);
  });
});

test("order: any takes the job out of its place in the line; nothing else is an order", async () => {
  const door = await openDoor();
  const { post } = await door.tenant();
  const { body } = await post({ order: "any" });
  expect(await door.row(body.id, "jobs")).toMatchObject({ ordered: 0 });
  for (const order of ["ANY", "fifo", true, null])
    expect(mistakes((await post({ order })).body)).toEqual(["/order invalid_value"]);
});

describe("metadata", () => {
  const levels = (count: number): unknown => (count === 0 ? 1 : { a: levels(count - 1) });

  test.each([
    ["2,049 bytes", { m: "x".repeat(2049 - 8) }],
    ["2 KB of two-byte characters", { m: "é".repeat(1025) }],
    ["nine levels", levels(9)],
    ["nine levels of lists", { a: [[[[[[[[1]]]]]]]] }],
    ["half a million numbers", { a: Array.from({ length: 500_000 }, () => 0) }],
    ["100,000 fields", Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`f${i}`, 0]))],
  ])("of %s is too much", async (_, metadata) => {
    const door = await openDoor();
    const { post } = await door.tenant();
    const { status, body } = await post({ metadata });
    expect(status).toBe(422);
    expect(mistakes(body)).toEqual(["/metadata invalid"]);
  });

  test.each(["text", 7, true, null, [], [1]])("%j is no object", async (metadata) => {
    const door = await openDoor();
    const { post } = await door.tenant();
    expect(mistakes((await post({ metadata })).body)).toEqual(["/metadata invalid_type"]);
  });

  test.each([
    ["exactly 2,048 bytes", { m: "x".repeat(2048 - 8) }],
    ["eight levels", levels(8)],
    [
      "odd names and characters",
      { "": 1, constructor: 2, "\u0000": "\u0000", lone: "\ud800", rtl: "\u202e" },
    ],
  ])("of %s comes back as it was", async (_, metadata) => {
    const door = await openDoor();
    const { key, post } = await door.tenant();
    const { status, body } = await post({ metadata });
    expect(status).toBe(202);
    expect(body.metadata).toEqual(metadata);
    expect((await door.call("GET", `/v1/jobs/${body.id}`, { key })).body.metadata).toEqual(metadata);
  });
});

test("a field named __proto__ is dropped and reaches nothing", async () => {
  const door = await openDoor();
  const { key, account_id } = await door.tenant();
  const text = `{"account_id":"${account_id}","text":"hello","__proto__":{"max_attempts":1},"metadata":{"__proto__":{"a":1}}}`;
  const headers = { "content-type": "application/json" };
  const { status, body } = await door.call("POST", "/v1/tweets", { key, text, headers });
  expect(status).toBe(202);
  expect(body.metadata).toEqual({});
  expect(body.max_attempts).toBe(8);
  expect(({} as Record<string, unknown>).max_attempts).toBeUndefined();
});

describe("the text", () => {
  test.each([
    ["an empty one", "", "required"],
    ["only spaces", " \n\t ", "required"],
    ["25,001 characters", "a".repeat(25_001), "too_long"],
    ["12,501 emoji", "🎉".repeat(12_501), "too_long"],
    ["a million characters", "a".repeat(1_000_000), "too_long"],
    ["U+FFFE", "a\ufffeb", "invalid_characters"],
  ])("%s is refused", async (_, text, code) => {
    const door = await openDoor();
    const { post } = await door.tenant();
    const { status, body } = await post({ text });
    expect(status).toBe(422);
    expect(mistakes(body)).toEqual([`/text ${code}`]);
  });

  test.each([
    ["25,000 characters", "a".repeat(25_000)],
    ["12,500 emoji", "🎉".repeat(12_500)],
    ["right to left", "\u202eשלום\u202c"],
    ["families of emoji", "👨‍👩‍👧‍👦".repeat(100)],
    ["a NUL", "a\u0000b"],
  ])("of %s is stored as it was written", async (_, text) => {
    const door = await openDoor();
    const { post } = await door.tenant();
    const { status, body } = await post({ text });
    expect(status).toBe(202);
    const row = await door.row<{ params: string }>(body.id, "jobs");
    expect((JSON.parse(row?.params ?? "{}") as { text: string }).text).toBe(text);
  });

  test.each(["a\ud800b", "\udc00"])("with a lone surrogate (%j) breaks nothing", async (text) => {
    const door = await openDoor();
    const { key, post } = await door.tenant();
    const { status, body } = await post({ text });
    expect([202, 422]).toContain(status);
    if (status === 202) expect((await door.call("GET", `/v1/jobs/${body.id}`, { key })).status).toBe(200);
  });

  test("over 280 is taken with a warning", async () => {
    const door = await openDoor();
    const { key, post } = await door.tenant();
    const { body } = await post({ text: "a".repeat(281) });
    expect(body.warnings).toMatchObject([{ code: "needs_premium" }]);
    expect((await door.call("GET", `/v1/jobs/${body.id}`, { key })).body.warnings).toEqual(body.warnings);
    expect((await post({ text: "a".repeat(280) })).body.warnings).toEqual([]);
  });
});

test("params of more than 256 KB are refused, and pointed at", async () => {
  const door = await openDoor();
  const { key, account_id, post } = await door.tenant();
  const long = { card_uri: "é".repeat(150_000), text: "hello" };
  expect(mistakes((await post(long)).body)).toEqual([" too_big"]);
  const { body } = await door.call("POST", "/v1/jobs", {
    key,
    body: { kind: "tweet.create", params: { account_id, ...long, text: undefined } },
  });
  expect(mistakes(body)).toEqual(["/params too_big"]);
});

test("a hundred thousand mistakes are refused in an answer of bearable size", async () => {
  const door = await openDoor();
  const { post } = await door.tenant();
  const many = Object.fromEntries(Array.from({ length: 90_000 }, (_, i) => [`f${i}`, 0]));
  const { status, body } = await post(many);
  expect(status).toBe(422);
  expect(body.errors.length).toBeLessThanOrEqual(100);
  expect((await post({ media: Array.from({ length: 200_000 }, () => 0) })).status).toBe(422);
});
