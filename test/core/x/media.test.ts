import { describe, expect, test } from "vitest";
import { createXClient } from "#core/x/client";
import { append, describe as say, finalize, GONE, initialize, segmentForm, status } from "#core/x/media";
import { createSimulator } from "../../../simulator/simulator.ts";

const bytes = new TextEncoder().encode("--tap-segment\r\n\r\nnot a boundary");

function meet(answer?: () => Response) {
  const x = createSimulator({ now: () => 0 });
  x.createApp({ client_id: "app", redirect_uris: ["https://client.test/"] });
  const user = x.createUser({ username: "ada" });
  const { access_token } = x.createGrant({ client_id: "app", user_id: user.id, scopes: ["media.write"] });
  const client = createXClient({
    fetch: (request, init) => (answer ? Promise.resolve(answer()) : x.fetch(new Request(request, init))),
    baseUrl: "https://x.test",
    accessToken: access_token,
    now: () => 0,
  });
  return { x, client };
}

const opening = { media_type: "image/png", media_category: "tweet_image", total_bytes: bytes.length };

test("a medium goes to X in the forms that X takes", async () => {
  const { x, client } = meet();
  const { id, expires_after_secs } = await initialize(client, opening);
  expect(expires_after_secs).toBe(86_400);
  const form = segmentForm(0, bytes.length);
  form.bytes.set(bytes, form.at);
  expect(await append(client, id, form)).toBe(true);
  expect(await finalize(client, id)).toMatchObject({ expires_after_secs: 86_400 });
  expect(await say(client, id, "A cat")).toBe(true);
  expect(x.media()[0]).toMatchObject({ size: bytes.length, metadata: { alt_text: { text: "A cat" } } });
});

test("a video is asked about by its id", async () => {
  const { client } = meet();
  const { id } = await initialize(client, {
    ...opening,
    media_type: "video/mp4",
    media_category: "tweet_video",
  });
  const form = segmentForm(0, bytes.length);
  form.bytes.set(bytes, form.at);
  await append(client, id, form);
  await finalize(client, id);
  expect(await status(client, id)).toHaveProperty("expires_after_secs");
});

describe("what X does not know any more is gone", () => {
  test.each([
    [400, { title: "Invalid Request", errors: [{ message: "BadRequest: Not found" }] }],
    [404, { title: "Not Found" }],
  ])("by %i", async (code, body) => {
    const { client } = meet(() => Response.json(body, { status: code }));
    expect(await append(client, "1", segmentForm(0, 1))).toBe(GONE);
    expect(await finalize(client, "1")).toBe(GONE);
    expect(await status(client, "1")).toBe(GONE);
  });
});

test.each([
  ["an empty 404 is an outage", () => new Response(null, { status: 404 }), "retry"],
  [
    "another 400 is X's no",
    () => Response.json({ detail: "Segments do not add up" }, { status: 400 }),
    "fail",
  ],
])("%s", async (_, answer, type) => {
  const { client } = meet(answer);
  await expect(finalize(client, "1")).rejects.toMatchObject({ outcome: { type } });
});

test("an append is taken by any 2xx, also without a body", async () => {
  const { client } = meet(() => new Response(null, { status: 204 }));
  expect(await append(client, "1", segmentForm(3, 1))).toBe(true);
});

test.each([
  ["as long", 9, 999, 50_000],
  ["shorter", 999, 100, 7],
  ["longer", 0, 10, 60_000],
] as const)(
  "a form in the memory of one that was sent holds the next segment, if that is %s",
  async (_, one, two, size) => {
    const fill = (form: ReturnType<typeof segmentForm>, length: number, byte: number) => {
      form.bytes.fill(byte, form.at, form.at + length);
      return form;
    };
    const before = fill(segmentForm(one, 50_000), 50_000, 1);
    const form = fill(segmentForm(two, size, before), size, 2);
    const read = await new Response(form.bytes, { headers: { "content-type": form.type } }).formData();
    expect(read.get("segment_index")).toBe(String(two));
    const media = read.get("media") as unknown as Blob;
    expect(await media.bytes()).toEqual(new Uint8Array(size).fill(2));
    expect(form.bytes.buffer === before.bytes.buffer).toBe(size <= 50_000);
  },
);
