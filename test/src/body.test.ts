import { describe, expect, test } from "vitest";
import { JSON_LIMIT_BYTES } from "../../src/body.ts";
import { chunked, openDoor } from "../support/door.ts";

const MIB = 1024 * 1024;

describe("a body that is no JSON object", () => {
  test.each([
    ["", 400, "not_json"],
    [" ", 400, "not_json"],
    ["{", 400, "not_json"],
    ["{'text':'a'}", 400, "not_json"],
    ['{"a":1}{"b":2}', 400, "not_json"],
    ["NaN", 400, "not_json"],
    ['{"text":"\n"}', 400, "not_json"],
    ["\u0000", 400, "not_json"],
    ["null", 422, "invalid"],
    ["true", 422, "invalid"],
    ["7", 422, "invalid"],
    ['"text"', 422, "invalid"],
    ["[]", 422, "invalid"],
    ['[{"text":"a"}]', 422, "invalid"],
    ["{}", 422, "invalid"],
  ])("%j is refused with %i %s", async (text, status, code) => {
    const door = await openDoor();
    const { key } = await door.client();
    for (const path of ["/v1/tweets", "/v1/jobs", "/v1/accounts/connect"])
      expect(
        await door.call("POST", path, { key, text, headers: { "content-type": "application/json" } }),
      ).toMatchObject({ status, body: { code } });
  });

  test.each(["[", '{"a":', '{"text":', '{"metadata":', '{"poll":{"options":'])(
    "tens of thousands of levels of %s are refused and break nothing",
    async (level) => {
      const door = await openDoor();
      const { key } = await door.client();
      const depth = Math.min(100_000, Math.floor(900_000 / (level.length + 1)));
      const close = level.startsWith("[") ? "]" : "}".repeat(level.split("{").length - 1);
      const text = level.repeat(depth) + "0" + close.repeat(depth);
      for (const path of ["/v1/tweets", "/v1/jobs"]) {
        const headers = { "content-type": "application/json" };
        expect((await door.call("POST", path, { key, text, headers })).status).toBe(422);
      }
    },
  );

  test("bytes that are not UTF-8 are refused, not mended", async () => {
    const door = await openDoor();
    const { key, account_id } = await door.tenant();
    const text = new TextEncoder().encode(JSON.stringify({ account_id, text: "caf?" }));
    text[text.indexOf(63)] = 0xe9;
    const headers = { "content-type": "application/json; charset=latin1" };
    const answer = await door.call("POST", "/v1/tweets", { key, text, headers });
    expect(answer).toMatchObject({ status: 400, body: { code: "not_json" } });
  });

  test("a body that ends within a character is refused", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const headers = { "content-type": "application/json" };
    const text = Uint8Array.from([0x22, 0xc3]);
    expect((await door.call("POST", "/v1/tweets", { key, text, headers })).status).toBe(400);
  });
});

describe("the content type", () => {
  test.each(["application/json", "application/json; charset=utf-8", "APPLICATION/JSON;charset=UTF-8"])(
    "%s is JSON",
    async (type) => {
      const door = await openDoor();
      const { post } = await door.tenant();
      expect((await post({}, { "content-type": type })).status).toBe(202);
    },
  );

  test.each([
    "text/plain",
    "text/json",
    "application/jsonx",
    "application/problem+json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    ";",
    "application/json, text/plain",
  ])("%s is refused", async (type) => {
    const door = await openDoor();
    const { post } = await door.tenant();
    expect(await post({}, { "content-type": type })).toMatchObject({
      status: 415,
      body: { code: "unsupported_media_type" },
    });
  });

  test("none at all is refused", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const text = new TextEncoder().encode("{}");
    expect((await door.call("POST", "/v1/tweets", { key, text })).status).toBe(415);
    expect((await door.call("POST", "/v1/tweets", { key })).status).toBe(415);
  });
});

describe("a body that is too big", () => {
  test("by its Content-Length is refused before it is touched", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const { stream, read } = chunked(2 * MIB);
    const headers = { "content-type": "application/json", "content-length": String(JSON_LIMIT_BYTES + 1) };
    const answer = await door.call("POST", "/v1/tweets", { key, text: stream, headers });
    expect(answer).toMatchObject({ status: 413, body: { code: "body_too_large" } });
    expect(answer.body.detail).toContain(String(JSON_LIMIT_BYTES));
    expect(read()).toBe(0);
  });

  test("in chunks is read to its end, so that its sender hears the answer", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const { stream, read } = chunked(3 * MIB);
    const headers = { "content-type": "application/json" };
    expect((await door.call("POST", "/v1/tweets", { key, text: stream, headers })).status).toBe(413);
    expect(read()).toBe(3 * MIB);
  });

  test("beyond all bounds is not read to its end", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const { stream, read } = chunked(40 * MIB);
    const headers = { "content-type": "application/json" };
    expect((await door.call("POST", "/v1/tweets", { key, text: stream, headers })).status).toBe(413);
    expect(read()).toBeGreaterThan(31 * MIB);
    expect(read()).toBeLessThan(34 * MIB);
  });

  test("is so from the first byte over", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const headers = { "content-type": "application/json" };
    const filled = (bytes: number) => `{}${" ".repeat(bytes - 2)}`;
    for (const [bytes, status] of [
      [JSON_LIMIT_BYTES, 422],
      [JSON_LIMIT_BYTES + 1, 413],
    ] as const) {
      const text = filled(bytes);
      expect((await door.call("POST", "/v1/tweets", { key, text, headers })).status).toBe(status);
      const unsized = new Blob([text]).stream();
      expect((await door.call("POST", "/v1/tweets", { key, text: unsized, headers })).status).toBe(status);
    }
  });
});

test.each(["nonsense", "-5", "1e99"])("a Content-Length of %s is no way around the bound", async (length) => {
  const door = await openDoor();
  const { key } = await door.client();
  const headers = { "content-type": "application/json", "content-length": length };
  const { stream } = chunked(2 * MIB);
  expect((await door.call("POST", "/v1/tweets", { key, text: stream, headers })).status).toBe(413);
});

test("a character cut in two by the network is whole again", async () => {
  const door = await openDoor();
  const { key, account_id } = await door.tenant();
  const bytes = new TextEncoder().encode(
    JSON.stringify({ account_id, text: "déjà 🎉", metadata: { m: "🎉" } }),
  );
  const text = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const headers = { "content-type": "application/json" };
  const { status, body } = await door.call("POST", "/v1/tweets", { key, text, headers });
  expect(status).toBe(202);
  expect(body.metadata).toEqual({ m: "🎉" });
});
