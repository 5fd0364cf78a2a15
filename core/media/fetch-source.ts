import { again, fail, retry, type Outcome } from "#core/lib/outcome";
import { reasonOf } from "#core/lib/log";
import { Problem } from "#core/lib/problem";
import { publicUrl } from "#core/lib/public-url";
import { first } from "#core/store/sql";
import * as uploads from "#core/store/uploads";
import type { UploadRow } from "#core/store/uploads";
import type { Fetch } from "#core/x/client";
import { MAX_BYTES } from "./formats.ts";
import { OBJECT_BYTES } from "./objects.ts";
import { receive, type Intake } from "./receive.ts";
import { createSource } from "./source.ts";

/** What fetching runs on. */
export type Fetching = {
  network: Fetch;
  intake: Intake;
  now: () => number;
  /** Whether there is time for another request. */
  mayCall: () => boolean;
  /** Also addresses of this machine. */
  allow_local: boolean;
  /** Whose bytes count: this run's alone. */
  writer: string;
};

const REDIRECTS = 5;
/** A server has this long for one piece. */
const PIECE_MS = 30_000;

type Piece = { body: ReadableStream<Uint8Array> | null; length: number; size: number };

/**
 * Fetch the next pieces of a file from where its client says it stands. Each is asked for by its range, so that a stop, ours
 * or the server's, loses one piece at most. Every address on the way is looked at anew.
 */
export async function fetchSource(
  fetching: Fetching,
  id: Pick<UploadRow, "client_id" | "id">,
): Promise<Outcome> {
  const { intake, writer, mayCall } = fetching;
  const taken = await first<UploadRow>(uploads.takeOver(intake.db, intake.stored(), id, writer));
  if (!taken) return fail(new Problem("media_gone", { detail: "Its bytes never came" }));
  let upload = { ...taken, writer };
  try {
    while (upload.size_bytes === null || upload.bytes_received < upload.size_bytes) {
      if (!mayCall()) return again(null, 0);
      const { body, length, size } = await ask(fetching, upload);
      if (upload.size_bytes === null) await uploads.setSize(intake.db, upload, size).run();
      upload = { ...upload, size_bytes: size };
      const incoming = {
        upload,
        source: body && createSource(body),
        length,
        checksum: null,
        limit: OBJECT_BYTES,
      };
      const { bytes_received, cut } = await receive(intake, incoming);
      if (cut) throw new Problem("source_unreachable", { detail: "The server broke off" });
      upload = { ...upload, bytes_received };
    }
    return again(null, 0);
  } catch (error) {
    if (!(error instanceof Problem))
      return retry(new Problem("source_unreachable", { detail: reasonOf(error) }));
    if (error.code === "source_unreachable") return retry(error);
    if (error.code === "upload_conflict") return again(null, 0);
    await uploads.fail(intake.db, intake.stored(), upload, JSON.stringify(error)).run();
    return fail(error);
  }
}

/** Ask for the next piece, and follow redirects as far as they lead to public addresses. */
async function ask(fetching: Fetching, upload: UploadRow): Promise<Piece> {
  const from = upload.bytes_received;
  let address = upload.source_url ?? "";
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    const read = publicUrl(address, { allowLocal: fetching.allow_local });
    if ("refused" in read) throw refused(read.refused);
    const response = await fetching.network(read.url.href, {
      headers: { range: `bytes=${from}-${from + OBJECT_BYTES - 1}`, "accept-encoding": "identity" },
      redirect: "manual",
      signal: AbortSignal.timeout(PIECE_MS),
    });
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null)
      return pieceOf(response, upload, from);
    await response.body?.cancel();
    address = new URL(location, read.url).href;
  }
  throw refused(`More than ${REDIRECTS} redirects`);
}

async function pieceOf(response: Response, upload: UploadRow, from: number): Promise<Piece> {
  const { status, headers, body } = response;
  const [, start, end, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get("content-range") ?? "") ?? [];
  const whole = Number(headers.get("content-length") ?? NaN);
  if (status === 206 && Number(start) === from && size !== undefined)
    return sized({ body, length: Number(end) - from + 1, size: Number(size) }, upload);
  // A server without ranges sends all of it, from the beginning.
  if (status === 200 && from === 0 && whole > 0 && whole <= OBJECT_BYTES)
    return sized({ body, length: whole, size: whole }, upload);
  await body?.cancel();
  if (status >= 500 || status === 429 || status === 408)
    throw new Problem("source_unreachable", { detail: `The server answered ${status}` });
  throw refused(
    status === 200
      ? "The server sends no ranges (Accept-Ranges: bytes), and the file is larger than 8 MiB or does not say how large"
      : `The server answered ${status}`,
  );
}

/** A file that is another one meanwhile would be half of each. */
function sized(piece: Piece, { size_bytes }: UploadRow): Piece {
  if (size_bytes !== null && piece.size !== size_bytes)
    throw refused(`The file had ${size_bytes} bytes and now has ${piece.size}`);
  if (piece.size > MAX_BYTES || piece.size === 0)
    throw new Problem("media_too_large", { detail: `${piece.size} bytes; X takes 1 to ${MAX_BYTES}` });
  return piece;
}

const refused = (detail: string): Problem => new Problem("source_refused", { detail });
