import { expect, test } from "vitest";
import { callOf } from "../../simulator/exchange.ts";
import { partsOf } from "../../simulator/media-parts.ts";

const partsFrom = async (body: FormData | string, type?: string) => {
  const headers = type === undefined ? {} : { "content-type": type };
  return partsOf(await callOf(new Request("https://x.test/", { method: "POST", body, headers })));
};

test("multipart has raw bytes, and its other fields as text", async () => {
  const form = new FormData();
  form.set("segment_index", "3");
  form.set("media", new Blob([new Uint8Array([0, 255])]));
  expect(await partsFrom(form)).toEqual({ fields: { segment_index: "3" }, bytes: new Uint8Array([0, 255]) });
});

test("bytes sent as base64 in multipart stay text, so that sizes do not add up later", async () => {
  const form = new FormData();
  form.set("media", "AP8=");
  expect((await partsFrom(form)).bytes).toHaveLength(4);
});

test("JSON has base64", async () => {
  expect(await partsFrom('{"segment_index":3,"media":"AP8="}', "application/json")).toEqual({
    fields: { segment_index: 3 },
    bytes: new Uint8Array([0, 255]),
  });
});

test.each([
  ["not JSON", "application/json"],
  ["not multipart", "multipart/form-data; boundary=x"],
  ["neither", "text/plain"],
])("a body that is %s has no parts", async (body, type) => {
  expect(await partsFrom(body, type)).toEqual({ fields: {}, bytes: null });
});
