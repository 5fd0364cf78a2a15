import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { beginsWith, keyOf, readInto, readPieces, removeObjects } from "#core/media/objects";
import { receive } from "#core/media/receive";
import { createSource } from "#core/media/source";
import { movie } from "../../../scripts/movie.ts";
import { streamOf, uploading } from "../../support/uploading.ts";

const bytes = movie(30_000);

async function pieced() {
  const up = await uploading(bytes.length);
  for (const [from, to] of [
    [0, 10_000],
    [10_000, 10_001],
    [10_001, 30_000],
  ] as const)
    await receive(up.intake, await up.next(streamOf(bytes.slice(from, to)), { length: to - from }));
  return up;
}

test.each([
  [0, 30_000],
  [9_999, 3],
  [10_000, 1],
  [10_001, 19_999],
  [29_999, 1],
])("from %i on, %i bytes are read wherever they stand", async (offset, length) => {
  const up = await pieced();
  const target = new Uint8Array(length + 4);
  await readInto({ bucket: env.MEDIA, db: up.intake.db }, up.id, { offset, length }, target, 4);
  expect(target.subarray(4)).toEqual(bytes.subarray(offset, offset + length));
});

test("bytes that are missing are no bytes", async () => {
  const up = await pieced();
  const read = readInto(
    { bucket: env.MEDIA, db: up.intake.db },
    up.id,
    { offset: 29_000, length: 2_000 },
    new Uint8Array(2_000),
  );
  await expect(read).rejects.toThrow("1000 bytes are missing");
  const gone = { upload_id: "med_gone", start: 0, size_bytes: 5, writer: "w" };
  expect(keyOf(gone)).toBe("uploads/med_gone/0.w");
  await expect(readPieces(env.MEDIA, [gone], { offset: 0, length: 5 }, new Uint8Array(5))).rejects.toThrow(
    "missing",
  );
});

test("all that was put away for an upload goes, also what no row knows of", async () => {
  const up = await pieced();
  await env.MEDIA.put(`uploads/${up.id}/77.stray`, "x");
  await removeObjects(env.MEDIA, up.id);
  expect(await up.objects()).toEqual([]);
});

test.each([
  ["the same bytes", (all: Uint8Array) => all, true],
  ["another byte", (all: Uint8Array) => all.map((byte, at) => (at === 10_000 ? byte ^ 1 : byte)), false],
  ["fewer bytes", (all: Uint8Array) => all.subarray(0, 29_999), false],
] as const)("a source of %s is told by them, and read no further", async (_, make, isSame) => {
  const up = await pieced();
  const all = new Uint8Array([...make(bytes), ...(isSame ? [1, 2, 3] : [])]);
  const source = createSource(streamOf(all));
  const parts = { bucket: env.MEDIA, db: up.intake.db };
  expect(await beginsWith(parts, { id: up.id, bytes_received: bytes.length }, source)).toBe(isSame);
  if (isSame) expect(await source.read(9)).toEqual(new Uint8Array([1, 2, 3]));
});
