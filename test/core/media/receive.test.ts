import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { equalBytes } from "#core/lib/bytes";
import { receive } from "#core/media/receive";
import { OBJECT_BYTES } from "#core/media/objects";
import { movie, noise } from "../../../scripts/movie.ts";
import { losingAnswers } from "../../support/database.ts";
import { file } from "../../support/files.ts";
import { breaking, streamOf, uploading } from "../../support/uploading.ts";

const sha = async (algorithm: "SHA-1" | "SHA-256", bytes: Uint8Array<ArrayBuffer>) => ({
  algorithm,
  digest: new Uint8Array(await crypto.subtle.digest(algorithm, bytes)),
});

describe("bytes are put away in objects of at most 8 MiB", () => {
  const bytes = movie(OBJECT_BYTES + 1_000);

  test.each([
    ["when their number is known", bytes.length],
    ["when it is not", null],
  ])("%s", async (_, length) => {
    const up = await uploading(bytes.length);
    expect(await receive(up.intake, await up.next(streamOf(bytes), { length }))).toEqual({
      bytes_received: bytes.length,
      cut: false,
    });
    expect(equalBytes(await up.received(), bytes)).toBe(true);
    expect((await up.objects()).map((name) => name.split(".")[0])).toEqual(["0", String(OBJECT_BYTES)]);
    expect(await up.row()).toMatchObject({
      state: "received",
      media_type: "video/mp4",
      media_category: "tweet_video",
    });
  });
});

test("pieces of any size add up to the file", async () => {
  const bytes = movie(30_000);
  const up = await uploading(bytes.length);
  for (let at = 0; at < bytes.length; at += 7_001) {
    const piece = bytes.slice(at, at + 7_001);
    await receive(up.intake, await up.next(streamOf(piece), { length: piece.length }));
  }
  expect(equalBytes(await up.received(), bytes)).toBe(true);
  expect((await up.row()).state).toBe("received");
});

describe("a request that breaks off", () => {
  const bytes = movie(OBJECT_BYTES + 5_000);

  test("keeps its whole objects, and is told of by what it says of itself", async () => {
    const up = await uploading(bytes.length);
    const broken = breaking(bytes.subarray(0, OBJECT_BYTES + 3_000));
    expect(await receive(up.intake, await up.next(broken, { length: bytes.length }))).toEqual({
      bytes_received: OBJECT_BYTES,
      cut: true,
    });
    const rest = bytes.slice(OBJECT_BYTES);
    await receive(up.intake, await up.next(streamOf(rest), { length: rest.length }));
    expect(equalBytes(await up.received(), bytes)).toBe(true);
  });

  test("keeps everything if nobody knew how long it would be", async () => {
    const up = await uploading(bytes.length);
    await receive(up.intake, await up.next(breaking(bytes.subarray(0, 12_345))));
    expect((await up.row()).bytes_received).toBe(12_345);
  });
});

describe("one writer", () => {
  test("whose place another has taken counts no more, and leaves nothing behind", async () => {
    const bytes = movie(9_000);
    const up = await uploading(bytes.length);
    const stale = await up.next(streamOf(bytes.slice(0, 5_000)), { length: 5_000 });
    const live = await up.next(streamOf(bytes), { length: bytes.length });
    await expect(receive(up.intake, stale)).rejects.toMatchObject({ code: "upload_conflict" });
    expect(await up.objects()).toEqual([]);
    await receive(up.intake, live);
    expect(equalBytes(await up.received(), bytes)).toBe(true);
  });

  test("whose commit came through without an answer has lost nothing", async () => {
    const bytes = movie(9_000);
    const up = await uploading(bytes.length);
    const incoming = await up.next(streamOf(bytes), { length: bytes.length });
    const db = losingAnswers(up.intake.db, () => true);
    await expect(receive({ ...up.intake, db }, incoming)).rejects.toThrow("Network connection lost");
    expect((await up.row()).state).toBe("received");
    expect(equalBytes(await up.received(), bytes)).toBe(true);
  });
});

describe("with a checksum", () => {
  const bytes = movie(OBJECT_BYTES + 2_000);

  test.each(["SHA-1", "SHA-256"] as const)("by %s the bytes count when they have it", async (algorithm) => {
    const up = await uploading(bytes.length);
    const checksum = await sha(algorithm, bytes);
    await receive(up.intake, await up.next(streamOf(bytes), { length: bytes.length, checksum }));
    expect(equalBytes(await up.received(), bytes)).toBe(true);
  });

  test("that they do not have, none of them counts and none is kept", async () => {
    const up = await uploading(bytes.length);
    const checksum = await sha("SHA-256", noise(10, 1));
    const incoming = await up.next(streamOf(bytes), { length: bytes.length, checksum });
    await expect(receive(up.intake, incoming)).rejects.toMatchObject({ code: "checksum_mismatch" });
    expect((await up.row()).bytes_received).toBe(0);
    expect(await up.objects()).toEqual([]);
  });

  test("of a request that breaks off none counts", async () => {
    const up = await uploading(bytes.length);
    const checksum = await sha("SHA-256", bytes);
    const incoming = await up.next(breaking(bytes.subarray(0, 9_000)), { length: bytes.length, checksum });
    await expect(receive(up.intake, incoming)).rejects.toMatchObject({ code: "checksum_mismatch" });
    expect((await up.row()).bytes_received).toBe(0);
  });
});

describe("what X would refuse", () => {
  test("ends with its first bytes, and keeps none of them", async () => {
    const up = await uploading(1_000_000, { filetype: "video/mp4" });
    const bytes = file("application/pdf", 5_000);
    const incoming = await up.next(streamOf(bytes), { length: bytes.length });
    await expect(receive(up.intake, incoming)).rejects.toMatchObject({ code: "media_unsupported" });
    expect(await up.row()).toMatchObject({ state: "failed", bytes_received: 0 });
    expect(await up.objects()).toEqual([]);
  });

  test("ends with its last bytes if they are what shows it", async () => {
    const bytes = movie(9_000).slice(0, 8_000);
    const up = await uploading(bytes.length);
    await receive(up.intake, await up.next(streamOf(bytes.slice(0, 7_000)), { length: 7_000 }));
    const last = await up.next(streamOf(bytes.slice(7_000)), { length: 1_000 });
    await expect(receive(up.intake, last)).rejects.toMatchObject({ code: "media_cut_off" });
    expect(JSON.parse((await up.row()).error ?? "")).toMatchObject({ code: "media_cut_off" });
  });
});

test("more than there is room for is not taken", async () => {
  const up = await uploading(5_000, { filetype: "video/mp4" });
  const incoming = await up.next(streamOf(noise(6_000, 1)));
  await expect(receive(up.intake, incoming)).rejects.toMatchObject({ code: "body_too_large" });
});

test("of R2 that fails nothing counts, and the request may come again", async () => {
  const bytes = movie(9_000);
  const up = await uploading(bytes.length);
  const bucket = { put: () => Promise.reject(new Error("R2 is away")) } as unknown as R2Bucket;
  const incoming = await up.next(streamOf(bytes), { length: bytes.length });
  await expect(receive({ ...up.intake, bucket }, incoming)).rejects.toThrow("R2 is away");
  await receive(up.intake, await up.next(streamOf(bytes), { length: bytes.length }));
  expect(equalBytes(await up.received(), bytes)).toBe(true);
  expect(await env.MEDIA.list({ prefix: `uploads/${up.id}/` })).toMatchObject({ truncated: false });
});
