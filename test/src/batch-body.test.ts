import { describe, expect, test } from "vitest";
import { readBatch } from "../../src/batch-body.ts";
import { ITEMS_LIMIT_BYTES } from "../../src/body.ts";
import { Problem } from "#core/lib/problem";

const JSON_TYPE = "application/json";
const LINES = "application/x-ndjson";

async function read(body: string | Uint8Array, type = JSON_TYPE, sizes = [7]) {
  const heard: unknown[] = [];
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  let at = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const size = sizes[at % sizes.length] ?? 1;
      if (at >= bytes.length) controller.close();
      else controller.enqueue(bytes.slice(at, (at += size)));
    },
  });
  const request = new Request("https://proxy.test/", {
    method: "POST",
    body: stream,
    headers: { "content-type": type },
  });
  const hash = await readBatch(request, {
    begin: (header) => heard.push({ header }),
    item: (item) => heard.push(item),
    broken: () => heard.push("broken"),
  });
  return { heard, hash };
}

const refusal = async (...args: Parameters<typeof read>) => {
  const error = await read(...args).catch((thrown: unknown) => thrown);
  return error instanceof Problem
    ? [error.code, ...(error.extra.errors ?? []).map(({ pointer, code }) => `${pointer} ${code}`)]
    : error;
};

test("JSON has its items in order behind its header", async () => {
  const { heard } = await read('{"items": [{"text": "日本"}, 2], "atomic": true, "defaults": {"a": 1}}');
  expect(heard).toEqual([{ header: { atomic: true, defaults: { a: 1 } } }, { text: "日本" }, 2]);
});

test("lines are items, cut anywhere, with and without a header, an empty one none, a broken one said", async () => {
  const body = '{"defaults": {"a": 1}}\r\n{"text": "日本"}\n\n{"te\n  \n3';
  for (const sizes of [[1], [3, 5], [1000]])
    expect((await read(body, LINES, sizes)).heard).toEqual([
      { header: { defaults: { a: 1 } } },
      { text: "日本" },
      "broken",
      3,
    ]);
  expect((await read('{"a": 1}', LINES)).heard).toEqual([{ header: {} }, { a: 1 }]);
});

test("the hash is that of the bytes, however they came", async () => {
  const [one, same, other] = await Promise.all([
    read('{"items":[1]}', JSON_TYPE, [1]),
    read('{"items":[1]}', JSON_TYPE, [50]),
    read('{"items": [1]}'),
  ]);
  expect(one.hash).toBe(same.hash);
  expect(one.hash).not.toBe(other.hash);
});

describe("refuses", () => {
  test.each([
    ["another type", "x", "text/plain", ["unsupported_media_type"]],
    ["half a body", "{", JSON_TYPE, ["not_json"]],
    ["no body", "", JSON_TYPE, ["not_json"]],
    ["a list", "[]", JSON_TYPE, ["invalid", " invalid_type"]],
    ["no items", "{}", JSON_TYPE, ["invalid", "/items required"]],
    ["no lines", "\n \n", LINES, ["invalid", "/items too_small"]],
    ["a header alone", '{"atomic": true}', LINES, ["invalid", "/items too_small"]],
    [
      "an unknown header",
      '{"atomic": 1, "x": 2}\n1',
      LINES,
      ["invalid", "/atomic invalid_type", "/x unknown_field"],
    ],
    ["too many lines", "1\n".repeat(10_001), LINES, ["invalid", "/items too_big"]],
    ["bytes that are not UTF-8", new Uint8Array([0x22, 0xe9, 0x22]), LINES, ["not_json"]],
    ["an end within a character", new Uint8Array([0x22, 0xe2, 0x82]), LINES, ["not_json"]],
    ["too much", " ".repeat(ITEMS_LIMIT_BYTES + 1), JSON_TYPE, ["body_too_large"]],
  ])("%s", async (_, body, type, refused) => {
    expect(await refusal(body, type, [64 * 1024])).toEqual(refused);
  });
});
