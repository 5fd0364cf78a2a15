import type { Readable } from "node:stream";
import { Upload } from "tus-js-client";
import { ask } from "./api.ts";
import type { Caller } from "./jobs.ts";

/** What the scripts read of a medium. */
export type Medium = {
  id: string;
  state: string;
  size_bytes: number | null;
  bytes_received: number;
  bytes_sent: number;
  processing_percent: number | null;
  x_media_id: string | null;
  x_expires_at: string | null;
  error: unknown;
};

export const readMedium = ({ url, key }: Caller, id: string): Promise<Medium> =>
  ask<Medium>(`${url}/v1/media/${id}`, { key });

const PIECE_BYTES = 8 * 1024 * 1024;

export type Sending = {
  size: number;
  metadata: Record<string, string>;
  /** Where it goes on, if it has begun. */
  upload_url?: string | null;
  piece_bytes?: number;
  onProgress?: (bytes: number) => void;
};

/** Upload a file with tus-js-client as it is. Resolves with the medium's id once its last byte is taken. */
export function sendFile(caller: Caller, file: Readable | Buffer, sending: Sending): Promise<string> {
  return begin(caller, file, sending).ended;
}

/** The same, to be broken off: `abort` resolves with where it goes on. */
export function begin(
  { url, key }: Caller,
  file: Readable | Buffer,
  { size, metadata, upload_url = null, piece_bytes = PIECE_BYTES, onProgress = () => undefined }: Sending,
): { ended: Promise<string>; abort: () => Promise<string | null> } {
  let stop: () => Promise<string | null> = () => Promise.resolve(null);
  const ended = new Promise<string>((done, fail) => {
    const upload = new Upload(file, {
      endpoint: `${url}/v1/uploads`,
      uploadUrl: upload_url,
      uploadSize: size,
      chunkSize: piece_bytes,
      retryDelays: [0, 500, 1_000, 2_000, 5_000, 10_000],
      headers: { authorization: `Bearer ${key}` },
      metadata,
      onProgress,
      onError: fail,
      onSuccess: () => {
        done(upload.url?.split("/").at(-1) ?? "");
      },
    });
    stop = async () => {
      await upload.abort();
      return upload.url;
    };
    upload.start();
  });
  return { ended, abort: () => stop() };
}

const WIDTH = 24;

/** Both halves as bars: from here to the proxy, and from there to X. */
export const bars = (size: number, received: number, sent: number): string =>
  [bar("in", received / size), bar("to X", sent / size)].join("  ");

function bar(name: string, share: number): string {
  const full = Math.round(WIDTH * Math.min(1, Math.max(0, share)));
  const percent = `${Math.floor(100 * share)} %`.padStart(5);
  return `${name} [${"#".repeat(full)}${".".repeat(WIDTH - full)}] ${percent}`;
}
