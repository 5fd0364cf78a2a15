import { createHash } from "node:crypto";
import { ask } from "./api.ts";
import { postTweet, untilSucceeded, type Caller } from "./jobs.ts";
import { movie } from "./movie.ts";
import { begin, readMedium } from "./uploading.ts";
import { until } from "./wait.ts";

const MIB = 1024 * 1024;
const SIZE = 64 * MIB;
/** The client goes away at these. */
const BROKEN_OFF_AT = [16 * MIB, 32 * MIB];
/** The Workers are stopped at this, while the client sends. */
const STOPPED_AT = 44 * MIB;
const SENT_MS = 240_000;
const LOOK_MS = 200;
const TEXT = "The film of the demo";

type XMedium = { id: string; size: number | null; sha256: string | null };
type XTweet = { text: string; request: { media?: { media_ids: string[] } } };

/**
 * A film of 64 MiB goes in with two interruptions by its client and one by the Workers, which `restart` stops and starts again, and out to
 * X; then a tweet carries it. Returns what is wrong with what X has.
 */
export async function sendFilm(
  caller: Caller,
  simulatorUrl: string,
  account_id: string,
  restart: () => Promise<void>,
): Promise<{ ms: number; flaws: string[] }> {
  const film = movie(SIZE);
  const sum = createHash("sha256").update(film).digest("hex");
  const began = Date.now();
  const id = await bringIn(caller, film, account_id, restart);
  await until(
    "X has the film",
    SENT_MS,
    async () => ["ready", "failed"].includes((await readMedium(caller, id)).state),
    LOOK_MS,
  );
  const ms = Date.now() - began;
  const { x_media_id, error } = await readMedium(caller, id);
  if (x_media_id === null) return { ms, flaws: [`the film is not at X: ${JSON.stringify(error)}`] };
  await untilSucceeded(caller, (await postTweet(caller, account_id, TEXT, { media: [id] })).id);
  return { ms, flaws: await flawsOf(simulatorUrl, x_media_id, sum) };
}

/** Returns the medium's id once its last byte is taken. */
async function bringIn(
  caller: Caller,
  film: Uint8Array<ArrayBuffer>,
  account_id: string,
  restart: () => Promise<void>,
): Promise<string> {
  const metadata = { account_id, filename: "film.mp4", filetype: "video/mp4" };
  let upload_url: string | null = null;
  const send = (bound: number) => {
    let reach: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => (reach = resolve));
    const onProgress = (sent: number) => {
      if (sent > bound) reach();
    };
    const going = begin(caller, Buffer.from(film.buffer), { size: SIZE, metadata, upload_url, onProgress });
    return { ...going, reached };
  };
  for (const bound of BROKEN_OFF_AT) {
    const going = send(bound);
    await Promise.race([going.reached, going.ended]);
    upload_url = await going.abort();
  }
  const going = send(STOPPED_AT);
  await Promise.race([going.reached, going.ended]);
  await restart();
  return going.ended;
}

async function flawsOf(simulatorUrl: string, x_media_id: string, sum: string): Promise<string[]> {
  const { media } = await ask<{ media: XMedium[] }>(`${simulatorUrl}/_sim/media`);
  const { tweets } = await ask<{ tweets: XTweet[] }>(`${simulatorUrl}/_sim/tweets?limit=1000`);
  const there = media.find(({ id }) => id === x_media_id);
  const carrying = tweets.filter(({ request }) => request.media?.media_ids.includes(x_media_id));
  return [
    ...(there?.sha256 === sum ? [] : ["X has other bytes than the film's"]),
    ...(carrying.length === 1 && carrying[0]?.text === TEXT
      ? []
      : [`${carrying.length} tweets at X carry the film`]),
  ];
}
