import { env } from "cloudflare:workers";
import { mediaUpload } from "#core/jobs/kinds/media-upload";
import { newId } from "#core/lib/ids";
import { file } from "./files.ts";
import type { LeakEngine } from "./leak-engine.ts";
import { putMedium } from "./medium.ts";

const MINUTE_MS = 60_000;

/** Media that come to nothing: by our own account, by that of the server they are fetched from, and by X's. */
export async function endMedia({ h, x, account, failX }: LeakEngine): Promise<void> {
  const account_id = await account("own");
  const of = { client_id: h.clientId, account_id, now: h.now() };
  const send = (media_id: string) =>
    h.post(account_id, "", { kind: mediaUpload, params: { account_id, media_id }, max_attempts: 1 });
  const fetched = async (source_url: string) => {
    const id = await putMedium(new Uint8Array(1), { ...of, media_type: null, media_category: null });
    await env.DB.prepare(
      "UPDATE uploads SET state = 'receiving', size_bytes = NULL, bytes_received = 0, received_at = NULL, source_url = ? WHERE id = ?",
    )
      .bind(source_url, id)
      .run();
    return id;
  };

  await send(newId("med", "0", h.now()));
  await send(await fetched("https://files.example.com/none"));
  await h.turn();
  failX({ name: "busy", answer: () => new Response("busy", { status: 503 }) });
  await send(await fetched("https://files.example.com/busy"));
  await h.turn();
  failX(null);

  x.setSettings({ media_outcome: "failed", media_processing_ms: 1_000 });
  const refused = await putMedium(file("video/mp4", 5_000), {
    ...of,
    media_type: "video/mp4",
    media_category: "tweet_video",
  });
  await send(refused);
  await h.pass(10 * MINUTE_MS);
  await h.post(account_id, "with it", {
    params: { account_id, text: "with it", media: [refused] },
  });
  await h.pass(MINUTE_MS);
}

/** Deliveries that come to nothing: nobody takes them, and nobody is there any more. */
export async function endWebhooks({ h, account, post }: LeakEngine): Promise<void> {
  for (const then of ["refuses", "is gone"]) {
    const endpoint = await h.endpoint(["job.*"]);
    h.receiver.answer(() => new Response("no", { status: 500 }));
    await post("tweet.create", await account("own"));
    await h.turn();
    if (then === "is gone")
      await env.DB.prepare("DELETE FROM endpoints WHERE id = ?").bind(endpoint.id).run();
    await h.turn();
    await h.pass(MINUTE_MS);
    await env.DB.prepare("DELETE FROM endpoints").run();
  }
}
