import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { base64 } from "../../simulator/bytes.ts";
import { ask, newX } from "./support.ts";

type X = ReturnType<typeof newX>;
const bytes = (length: number, fill = 1) => new Uint8Array(length).fill(fill);
const sha = (...parts: Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest("hex");

async function begin(at: X, total_bytes: number, media_category = "tweet_image", media_type = "image/png") {
  const body = { total_bytes, media_category, media_type };
  const reply = await at.send("POST", "/2/media/upload/initialize", { body });
  return (reply.body as { data: { id: string } }).data.id;
}

async function append(at: X, id: string, segment_index: number, part: Uint8Array<ArrayBuffer>) {
  const form = new FormData();
  form.set("segment_index", String(segment_index));
  form.set("media", new Blob([part]));
  const headers = { authorization: `Bearer ${at.token}` };
  const url = `https://x.test/2/media/upload/${id}/append`;
  return at.x.fetch(new Request(url, { method: "POST", headers, body: form }));
}

const finalize = (at: X, id: string) => at.send("POST", `/2/media/upload/${id}/finalize`);
const status = (at: X, id: string) => at.send("GET", `/2/media/upload?command=STATUS&media_id=${id}`);
const attach = (at: X, id: string) => at.post("look", { media: { media_ids: [id] } });

async function uploaded(at: X, category?: string, type?: string) {
  const id = await begin(at, 10, category, type);
  await append(at, id, 0, bytes(10));
  await finalize(at, id);
  return id;
}

describe("uploading in segments", () => {
  test("what arrives is whole, whatever the order, and a segment may come again", async () => {
    const at = newX();
    const id = await begin(at, 30);
    for (const [index, fill] of [
      [1, 2],
      [0, 9],
      [0, 1],
      [2, 3],
    ] as const) {
      expect((await append(at, id, index, bytes(10, fill))).status).toBe(200);
    }
    const reply = await finalize(at, id);
    expect(reply.body).toMatchObject({
      data: { id, media_key: `3_${id}`, size: 30, expires_after_secs: 86_400 },
    });
    expect(reply.body).not.toMatchObject({ data: { processing_info: {} } });
    expect(at.x.media()).toMatchObject([{ id, sha256: sha(bytes(10, 1), bytes(10, 2), bytes(10, 3)) }]);
    expect((await finalize(at, id)).status).toBe(200);
  });

  test("a segment may come as base64 in JSON", async () => {
    const at = newX();
    const id = await begin(at, 10);
    const body = { segment_index: 0, media: base64(bytes(10)) };
    expect((await at.send("POST", `/2/media/upload/${id}/append`, { body })).status).toBe(200);
    await finalize(at, id);
    expect(at.x.media()).toMatchObject([{ sha256: sha(bytes(10)) }]);
  });

  test("missing segments and wrong sizes do not add up", async () => {
    const at = newX();
    const id = await begin(at, 20);
    const flaw = { status: 400, body: { detail: "Segments do not add up to provided total file size." } };
    await append(at, id, 1, bytes(20));
    expect(await finalize(at, id)).toMatchObject(flaw);
    await append(at, id, 0, bytes(10));
    expect(await finalize(at, id)).toMatchObject(flaw);
    await append(at, id, 1, bytes(10));
    expect((await finalize(at, id)).status).toBe(200);
  });

  test("segment 1000, a body without bytes, and more than 8 MB are refused", async () => {
    const at = newX();
    const id = await begin(at, 10);
    expect((await append(at, id, 1000, bytes(1))).status).toBe(400);
    const body = { segment_index: 0 };
    expect((await at.send("POST", `/2/media/upload/${id}/append`, { body })).status).toBe(400);
    expect((await append(at, id, 0, bytes(8 * 1024 * 1024 + 1))).status).toBe(413);
  });

  test("by setting, a segment is answered by an empty 204", async () => {
    const at = newX();
    at.x.setSettings({ append_answer: "empty" });
    expect((await append(at, await begin(at, 10), 0, bytes(10))).status).toBe(204);
  });

  test.each([
    ["a type X does not take", { media_type: "image/heic" }],
    ["a type of another category", { media_type: "video/mp4", media_category: "tweet_image" }],
    ["an image of more than 5 MB", { media_category: "tweet_image", total_bytes: 5 * 1024 * 1024 + 1 }],
    ["an unknown property", { command: "INIT" }],
  ])("%s cannot be begun", async (_, body) => {
    expect((await newX().send("POST", "/2/media/upload/initialize", { body })).status).toBe(400);
  });
});

describe("processing", () => {
  test("a video is pending, then in progress, then ready, and can be posted only then", async () => {
    const at = newX();
    const id = await uploaded(at, "tweet_video", "video/mp4");
    const state = async () => (await status(at, id)).body;
    expect(await state()).toMatchObject({
      data: { processing_info: { state: "pending", check_after_secs: 1 } },
    });
    expect(await attach(at, id)).toMatchObject({
      status: 400,
      body: { detail: "Your media IDs are invalid." },
    });
    at.clock.now += 1_000;
    expect(await state()).toMatchObject({
      data: { processing_info: { state: "in_progress", progress_percent: 50 } },
    });
    at.clock.now += 1_000;
    expect(await state()).toMatchObject({
      data: {
        video: { video_type: "video/mp4" },
        processing_info: { state: "succeeded", progress_percent: 100 },
      },
    });
    expect((await attach(at, id)).status).toBe(201);
  });

  test("it can fail, and it can hide when to ask again", async () => {
    const at = newX();
    at.x.setSettings({ media_outcome: "failed", media_check_after_secs: 0 });
    const id = await uploaded(at, "tweet_gif", "image/gif");
    const info = { state: "pending" };
    expect((await status(at, id)).body).toHaveProperty("data.processing_info", info);
    at.clock.now += 2_000;
    expect((await status(at, id)).body).toMatchObject({
      data: { processing_info: { state: "failed", error: { code: 1, name: "InvalidMedia" } } },
    });
    expect((await attach(at, id)).status).toBe(400);
  });

  test("asking for the state of an image or of nothing is refused", async () => {
    const at = newX();
    const flaw = { status: 400, body: { detail: "BadRequest: Not found" } };
    expect(await status(at, await uploaded(at))).toMatchObject(flaw);
    expect(await status(at, "1")).toMatchObject(flaw);
  });
});

describe("using", () => {
  test("after a day an upload is worth nothing", async () => {
    const at = newX();
    at.x.setSettings({ limits: "off" });
    const id = await uploaded(at);
    at.clock.now += 86_400_000;
    const { access_token } = at.x.createGrant({
      client_id: "open",
      user_id: at.user.id,
      scopes: ["tweet.read", "tweet.write", "users.read"],
    });
    const body = { text: "look", media: { media_ids: [id] } };
    expect((await at.send("POST", "/2/tweets", { body, token: access_token })).status).toBe(400);
  });

  test("another user's upload cannot be used or continued", async () => {
    const at = newX();
    const id = await uploaded(at);
    const bob = at.x.createUser({ username: "bob" });
    const scopes = ["tweet.read", "tweet.write", "users.read", "media.write"];
    const token = at.x.createGrant({ client_id: "open", user_id: bob.id, scopes }).access_token;
    const body = { text: "look", media: { media_ids: [id] } };
    expect((await at.send("POST", "/2/tweets", { body, token })).status).toBe(400);
    expect((await ask(at.x, "POST", `/2/media/upload/${id}/finalize`, { token })).status).toBe(400);
  });

  test("photos may come together, a video only alone", async () => {
    const at = newX();
    at.x.setSettings({ media_processing_ms: 0 });
    const photos = [await uploaded(at), await uploaded(at)];
    const video = await uploaded(at, "tweet_video", "video/mp4");
    const mixed = { media: { media_ids: [...photos, video] } };
    expect((await at.post("mixed", mixed)).status).toBe(400);
    expect((await at.post("photos", { media: { media_ids: photos } })).status).toBe(201);
  });

  test("without media.write every media endpoint is forbidden", async () => {
    const at = newX({}, ["tweet.read", "tweet.write", "users.read"]);
    expect(await at.send("POST", "/2/media/upload/initialize", { body: {} })).toMatchObject({
      status: 403,
      body: { title: "Forbidden", type: "about:blank", status: 403, detail: "Forbidden" },
    });
  });
});

describe("all at once and afterwards", () => {
  test("a whole file in one request is ready at once", async () => {
    const at = newX();
    const body = { media: base64(bytes(10)), media_category: "tweet_image" };
    const reply = await at.send("POST", "/2/media/upload", { body });
    expect(reply.body).toMatchObject({ data: { size: 10, image: { image_type: "image/jpeg" } } });
    expect(at.x.media()).toMatchObject([{ sha256: sha(bytes(10)), state: "succeeded" }]);
  });

  test("the retired command protocol is refused", async () => {
    const form = { command: "INIT", total_bytes: "10" };
    expect((await newX().send("POST", "/2/media/upload", { form })).status).toBe(400);
  });

  test("an alternative text of up to 1000 characters is kept", async () => {
    const at = newX();
    const id = await uploaded(at);
    const describeIt = (text: string, media = id) =>
      at.send("POST", "/2/media/metadata", { body: { id: media, metadata: { alt_text: { text } } } });
    expect((await describeIt("a cat")).body).toEqual({
      data: { id, associated_metadata: { alt_text: { text: "a cat" } } },
    });
    expect(at.x.media()).toMatchObject([{ metadata: { alt_text: { text: "a cat" } } }]);
    expect((await describeIt("a".repeat(1001))).status).toBe(400);
    expect((await describeIt("a cat", "1")).status).toBe(400);
  });

  test("a file of subtitles becomes part of a video, and of nothing else", async () => {
    const at = newX();
    const video = await uploaded(at, "tweet_video", "video/mp4");
    const srt = await uploaded(at, "subtitles", "text/srt");
    at.clock.now += 60_000;
    const give = (change: object = {}, subtitles: object = {}) =>
      at.send("POST", "/2/media/subtitles", {
        body: {
          id: video,
          media_category: "TweetVideo",
          subtitles: { id: srt, language_code: "EN", display_name: "English", ...subtitles },
          ...change,
        },
      });
    const EN = { id: srt, language_code: "EN", display_name: "English" };
    expect((await give()).body).toEqual({
      data: { id: video, media_category: "TweetVideo", associated_subtitles: EN },
    });
    expect(at.x.media().find(({ id }) => id === video)).toMatchObject({ subtitles: { EN } });
    for (const wrong of [
      give({ media_category: "AmplifyVideo" }),
      give({ media_category: "tweet_video" }),
      give({ id: srt }),
      give({}, { id: video }),
      give({}, { language_code: "english" }),
      give({}, { id: "1" }),
    ])
      expect((await wrong).status).toBe(400);
  });
});
