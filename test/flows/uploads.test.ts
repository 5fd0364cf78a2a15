import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Upload, type UploadOptions } from "tus-js-client";
import { postTweet } from "../../scripts/jobs.ts";
import { movie } from "../../scripts/movie.ts";
import { until } from "../../scripts/wait.ts";
import { createRig, type Account, type Rig } from "./rig.ts";

// tus-js-client as it is, against all Workers, with X at the other end.

const MIB = 1024 * 1024;
const ENDS_MS = 120_000;
let rig: Rig;
let account: Account;

beforeAll(async () => {
  rig = await createRig();
  account = await rig.connect();
});

afterAll(() => rig.close());

type Going = { url: () => string | null; abort: () => Promise<void>; ended: Promise<void> };

function upload(bytes: Uint8Array, options: Partial<UploadOptions> = {}): Going {
  let finish: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const ended = new Promise<void>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  ended.catch(() => undefined);
  const one = new Upload(Buffer.from(bytes), {
    endpoint: `${rig.caller.url}/v1/uploads`,
    headers: { authorization: `Bearer ${rig.caller.key}` },
    metadata: { account_id: account.id, filetype: "video/mp4", filename: "film.mp4" },
    retryDelays: [0, 100, 500],
    onSuccess: finish,
    onError: fail,
    ...options,
  });
  one.start();
  return { url: () => one.url, abort: () => one.abort(), ended };
}

const shaOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const arrived = (): string[] =>
  rig.simulator.media().flatMap(({ sha256 }) => (sha256 === null ? [] : [sha256]));
const reaches = (bytes: Uint8Array) =>
  until("the file is at X", ENDS_MS, () => Promise.resolve(arrived().includes(shaOf(bytes))));

describe("a file of 9 MiB and a bit", () => {
  test.each([
    ["64 KiB", 64 * 1024],
    ["1 MiB", MIB],
    ["8 MiB", 8 * MIB],
    ["the whole of it", Infinity],
  ])("in pieces of %s is the same at X", async (_, chunkSize) => {
    const bytes = movie(9 * MIB + 4_321, { seed: Number.isFinite(chunkSize) ? chunkSize : 7 });
    await upload(bytes, { chunkSize }).ended;
    await reaches(bytes);
    expect(arrived()).toContain(shaOf(bytes));
  });

  test("that brings its first bytes along is the same at X", async () => {
    const bytes = movie(9 * MIB + 99, { seed: 99 });
    await upload(bytes, { chunkSize: 2 * MIB, uploadDataDuringCreation: true }).ended;
    await reaches(bytes);
    expect(arrived()).toContain(shaOf(bytes));
  });

  test.each([1, 2, 3])("that is broken off again and again goes on where it stands (%i)", async (seed) => {
    const bytes = movie(30 * MIB + seed, { seed });
    let state = seed;
    const random = () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
    let url: string | null = null;
    for (let times = 0; times < 5; times++) {
      let far: () => void = () => undefined;
      const isFar = new Promise<void>((resolve) => (far = resolve));
      const bound = 6 * MIB * (times + random());
      const going = upload(bytes, {
        chunkSize: [256 * 1024, MIB, Infinity][times % 3] ?? MIB,
        uploadUrl: url,
        onProgress: (sent) => {
          if (sent > bound) far();
        },
      });
      await Promise.race([isFar, going.ended]);
      await going.abort();
      url = going.url() ?? url;
    }
    await upload(bytes, { chunkSize: 5 * MIB, uploadUrl: url }).ended;
    await reaches(bytes);
    expect(arrived()).toContain(shaOf(bytes));
  });
});

test("a stream is taken as well as a file", async () => {
  const bytes = movie(3 * MIB, { seed: 5 });
  const options = { chunkSize: MIB, uploadSize: bytes.length };
  await new Promise<void>((resolve, reject) => {
    new Upload(Readable.from(Buffer.from(bytes)), {
      endpoint: `${rig.caller.url}/v1/uploads`,
      headers: { authorization: `Bearer ${rig.caller.key}` },
      metadata: { account_id: account.id, filetype: "video/mp4" },
      onSuccess: () => {
        resolve();
      },
      onError: reject,
      ...options,
    }).start();
  });
  await reaches(bytes);
  expect(arrived()).toContain(shaOf(bytes));
});

test("what X would refuse is not tried again", async () => {
  const answers: number[] = [];
  const going = upload(movie(2 * MIB).slice(0, MIB), {
    chunkSize: Infinity,
    onAfterResponse: (_, response) => {
      answers.push(response.getStatus());
    },
  });
  await expect(going.ended).rejects.toThrow("media_cut_off");
  expect(answers.filter((status) => status === 422)).toHaveLength(1);
});

test("a tweet goes out with what was uploaded", async () => {
  const bytes = movie(MIB, { seed: 11 });
  const going = upload(bytes);
  await going.ended;
  const media = going.url()?.split("/").at(-1);
  await postTweet(rig.caller, account.id, "the film", { media: [media] });
  await rig.tickUntil("the tweet is out", () => rig.texts(account).includes("the film"));
  expect(rig.texts(account)).toEqual(["the film"]);
});
