import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { putKnown, putRest, putStream } from "#core/media/put";
import { createSource } from "#core/media/source";
import { noise } from "../../../scripts/movie.ts";
import { breaking, streamOf } from "../../support/uploading.ts";

const bytes = noise(600_000, 1);
const kept = async (key: string) => (await env.MEDIA.get(key))?.bytes();
const away = { put: () => Promise.reject(new Error("R2 is away")) } as unknown as R2Bucket;

test("what comes is put away as it comes, of a part what was asked for, and then the rest", async () => {
  const source = createSource(streamOf(bytes));
  expect(await putStream(env.MEDIA, "put/1", source, 400_000, undefined)).toBe(400_000);
  expect(await putRest(env.MEDIA, "put/2", source, 200_000)).toBe(200_000);
  expect(await kept("put/1")).toEqual(bytes.slice(0, 400_000));
  expect(await kept("put/2")).toEqual(bytes.slice(400_000));
});

test("of unknown length, what there is is put away", async () => {
  expect(await putKnown(env.MEDIA, "put/3", createSource(streamOf(bytes)), 1_000_000, undefined)).toBe(
    600_000,
  );
  expect(await kept("put/3")).toEqual(bytes);
});

test.each([
  ["in part", putStream],
  ["to its end", putRest],
] as const)("a stream that breaks when it is taken %s leaves nothing", async (_, put) => {
  expect(await put(env.MEDIA, "put/4", createSource(breaking(bytes)), 700_000, undefined)).toBe(0);
  expect(await kept("put/4")).toBeUndefined();
});

test.each([
  ["in part", putStream],
  ["to its end", putRest],
] as const)("R2 that fails while a stream is taken %s is no broken stream", async (_, put) => {
  await expect(put(away, "put/5", createSource(streamOf(bytes)), 600_000, undefined)).rejects.toThrow(
    "R2 is away",
  );
});
