import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Upload, type UploadOptions } from "tus-js-client";
import { ask } from "../../scripts/api.ts";
import { postTweet } from "../../scripts/jobs.ts";
import { movie } from "../../scripts/movie.ts";
import { until } from "../../scripts/wait.ts";
import { pageOf, type Made } from "./page.ts";
import { createRig, type Account, type Rig } from "./rig.ts";

// tus-js-client as it is, against all Workers, with X at the other end.

const MIB = 1024 * 1024;
const ENDS_MS = 120_000;
const ORIGIN = "https://app.test";
let rig: Rig;
let account: Account;

beforeAll(async () => {
  rig = await createRig({ vars: { CORS_ORIGINS: `https://other.test, ${ORIGIN}` } });
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

describe("from a page in a browser", () => {
  /** Every header of an answer that tells of an upload, and is not one of CORS itself. */
  const telling = /^(location|upload-.+|tus-.+)$/;
  const split = (header = ""): string[] => header.toLowerCase().split(/\s*,\s*/);

  async function uploadFrom(origin: string, bytes: Uint8Array, options: Partial<UploadOptions> = {}) {
    const { url, key } = rig.caller;
    const session = { key, body: { scopes: ["media:write"] } };
    const { token } = await ask<{ token: string }>(`${url}/v1/sessions`, session);
    const made: Made[] = [];
    const headers = { authorization: `Bearer ${token}` };
    const httpStack = pageOf(origin, made);
    return { made, going: upload(bytes, { headers, httpStack, retryDelays: [], ...options }) };
  }

  test.each([
    ["piece by piece", {}],
    ["with its first bytes along", { uploadDataDuringCreation: true }],
    ["behind a proxy that knows no PATCH", { overridePatchMethod: true }],
    ["with numbered requests", { addRequestId: true }],
  ])("a file comes in %s, and what tells of it may be read", async (title, options) => {
    const bytes = movie(3 * MIB, { seed: 100 + title.length });
    const { made, going } = await uploadFrom(ORIGIN, bytes, { chunkSize: 2 * MIB, ...options });
    await going.ended;
    const uploadUrl = going.url();
    const resumed = await uploadFrom(ORIGIN, bytes, { uploadUrl, ...options });
    await resumed.going.ended;
    made.push(...resumed.made);
    expect(new Set(made.map(({ method }) => method))).toEqual(
      new Set(["POST", "HEAD", ...("overridePatchMethod" in options ? [] : ["PATCH"])]),
    );
    for (const { preflight, answer, withheld } of made) {
      expect(preflight?.["access-control-allow-origin"]).toBe(ORIGIN);
      expect(withheld).toEqual([]);
      const told = Object.keys(answer ?? {}).filter((name) => telling.test(name));
      expect(split(answer?.["access-control-expose-headers"])).toEqual(expect.arrayContaining(told));
    }
    const told = new Set(made.flatMap(({ answer }) => Object.keys(answer ?? {})));
    for (const name of ["location", "upload-offset", "upload-length", "upload-expires", "tus-resumable"])
      expect(told).toContain(name);
    await reaches(bytes);
  });

  test("hears what this server can before it sends anything", async () => {
    const { made, going } = await uploadFrom(ORIGIN, movie(MIB, { seed: 120 }));
    await going.ended;
    const [first] = made;
    expect(first?.preflight).toMatchObject({ "tus-version": "1.0.0", "tus-max-size": "8000000000" });
    const shown = split(first?.preflight?.["access-control-expose-headers"]);
    for (const name of ["tus-version", "tus-extension", "tus-max-size", "tus-checksum-algorithm"])
      expect(shown).toContain(name);
  });

  test("is told why, when it asks for what there is not", async () => {
    const { going } = await uploadFrom(ORIGIN, movie(MIB), { uploadLengthDeferred: true, uploadSize: null });
    await expect(going.ended).rejects.toThrow("The length must be known");
  });

  test.each(["https://evil.test", "http://app.test", "https://app.test.evil.test", "null"])(
    "of %s nothing comes in",
    async (origin) => {
      const { made, going } = await uploadFrom(origin, movie(MIB));
      await expect(going.ended).rejects.toThrow(`${origin} is not let in`);
      expect(made).toMatchObject([{ method: "POST", answer: null }]);
      const granted = Object.keys(made[0]?.preflight ?? {});
      expect(granted.filter((name) => name.startsWith("access-control-"))).toEqual([]);
    },
  );
});
