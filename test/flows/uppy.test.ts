import { createHash } from "node:crypto";
import Uppy from "@uppy/core";
import Tus from "@uppy/tus";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../scripts/api.ts";
import { movie } from "../../scripts/movie.ts";
import { until } from "../../scripts/wait.ts";
import { createRig, type Account, type Rig } from "./rig.ts";

// Uppy as it is, with the session of a browser.

const MIB = 1024 * 1024;
let rig: Rig;
let account: Account;

beforeAll(async () => {
  rig = await createRig();
  account = await rig.connect();
});

afterAll(() => rig.close());

async function uppy(chunkSize: number) {
  const { token } = await ask<{ token: string }>(`${rig.caller.url}/v1/sessions`, {
    key: rig.caller.key,
    body: { scopes: ["media:write"] },
  });
  return new Uppy({ meta: { account_id: account.id } }).use(Tus, {
    endpoint: `${rig.caller.url}/v1/uploads`,
    headers: { authorization: `Bearer ${token}` },
    chunkSize,
    retryDelays: [0, 100, 500],
  });
}

/** Uppy hands its file to tus-js-client, which in Node takes buffers; Uppy itself wants to know their size. */
const asFile = (bytes: Uint8Array<ArrayBuffer>): Blob =>
  Object.assign(Buffer.from(bytes), { size: bytes.length }) as unknown as Blob;

const arrives = (bytes: Uint8Array) => {
  const sum = createHash("sha256").update(bytes).digest("hex");
  return until("the file is at X", 120_000, () =>
    Promise.resolve(rig.simulator.media().some(({ sha256 }) => sha256 === sum)),
  );
};

test("a film that Uppy uploads is the same at X, with what Uppy says of it", async () => {
  const bytes = movie(9 * MIB + 17, { seed: 21 });
  const sender = await uppy(4 * MIB);
  sender.addFile({ name: "film.mp4", type: "video/mp4", data: asFile(bytes) });
  const result = await sender.upload();
  expect(result?.failed).toEqual([]);
  const [uploaded] = result?.successful ?? [];
  expect(uploaded?.uploadURL).toMatch(/\/v1\/uploads\/med_\w+$/);
  await arrives(bytes);
  const { media_type } = await ask<{ media_type: string }>(
    (uploaded?.uploadURL ?? "").replace("uploads", "media"),
    { key: rig.caller.key },
  );
  expect(media_type).toBe("video/mp4");
});

test("a film that Uppy pauses goes on where it stands", async () => {
  const bytes = movie(12 * MIB, { seed: 22 });
  const sender = await uppy(MIB);
  const id = sender.addFile({ name: "film.mp4", type: "video/mp4", data: asFile(bytes) });
  let paused = false;
  sender.on("upload-progress", (_, { bytesUploaded }) => {
    if (paused || bytesUploaded < 4 * MIB) return;
    paused = true;
    sender.pauseResume(id);
  });
  sender.on("upload-pause", (_, isPaused) => {
    if (isPaused) queueMicrotask(() => sender.pauseResume(id));
  });
  const result = await sender.upload();
  expect([result?.failed, paused]).toEqual([[], true]);
  await arrives(bytes);
});
