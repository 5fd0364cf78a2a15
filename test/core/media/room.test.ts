import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { createMediaRoom } from "#core/media/room";
import { file } from "../../support/files.ts";
import { meetMedia } from "../../support/sending.ts";

const bytes = file("image/png", 3_000);

async function opened() {
  const { h, medium, account_id } = await meetMedia();
  const owner = { client_id: h.clientId, account_id, job_id: "job_1" };
  const parts = { ...h.consumer, now: h.now, stored: h.now };
  return { room: createMediaRoom(parts, owner), parts, owner, id: await medium(bytes) };
}

test("a job finds its client's media, and nobody else's", async () => {
  const { room, parts, owner, id } = await opened();
  expect((await room.find(id)).upload?.id).toBe(id);
  const other = createMediaRoom(parts, { ...owner, client_id: "cli_2" });
  expect(await other.find(id)).toEqual({ upload: null, bound: null });
});

test("it reads their bytes, where there is a bucket", async () => {
  const { room, parts, owner, id } = await opened();
  const target = new Uint8Array(10);
  await room.read(id, { offset: 100, length: 10 }, target, 0);
  expect(target).toEqual(bytes.subarray(100, 110));
  const bare = createMediaRoom({ ...parts, bucket: null }, owner);
  expect(() => bare.read(id, { offset: 0, length: 1 }, target, 0)).toThrow("no bucket");
});

test("what it sends is noted, and what X does not know is forgotten", async () => {
  const { room, id } = await opened();
  await room.take(id);
  expect((await room.find(id)).bound).toMatchObject({ job_id: "job_1", x_media_id: null });
  await env.DB.prepare("UPDATE media_bindings SET x_media_id = '77', x_expires_at = 9e15").run();
  expect(await room.resolve([id])).toEqual({ x_ids: ["77"] });
  await room.forget(id, "77");
  expect((await room.find(id)).bound).toMatchObject({ x_media_id: null });
});

test("it fetches one that stands elsewhere", async () => {
  const { room, parts, owner, id } = await opened();
  await env.DB.batch([
    env.DB.prepare("DELETE FROM chunks"),
    env.DB.prepare(
      `UPDATE uploads SET state = 'receiving', received_at = NULL, bytes_received = 0, size_bytes = NULL,
                          source_url = 'https://files.example.com/a.png'`,
    ),
  ]);
  const network = () => Promise.resolve(new Response(bytes, { headers: { "content-length": "3000" } }));
  const { upload } = await room.find(id);
  if (!upload) throw new Error("no upload");
  const fetching = createMediaRoom({ ...parts, network }, owner);
  expect(await fetching.fetch(upload, () => true)).toMatchObject({ type: "again" });
  expect((await room.find(id)).upload).toMatchObject({ state: "received", bytes_received: 3_000 });
});
