import { base64, equalBytes } from "#core/lib/bytes";
import { reasonOf, type Log } from "#core/lib/log";
import { Problem } from "#core/lib/problem";
import type { ChunkRow } from "#core/store/chunks";
import * as chunks from "#core/store/chunks";
import { all } from "#core/store/sql";
import * as uploads from "#core/store/uploads";
import type { UploadRow } from "#core/store/uploads";
import { inspect, type Inspected } from "./inspect.ts";
import { keyOf, OBJECT_BYTES, readPieces } from "./objects.ts";
import { putKnown, putRest, putStream, type Hashing } from "./put.ts";
import type { Source } from "./source.ts";

/** What receiving runs on: the database and the bucket of an upload. */
export type Intake = {
  db: D1Database;
  bucket: R2Bucket;
  stored: () => number | null;
  log: Log;
  /** Statements for the commit that takes the last byte: they may go by the upload being `received`. */
  onWhole: (upload: UploadRow) => Promise<D1PreparedStatement[]>;
};

export type Checksum = { algorithm: "SHA-1" | "SHA-256"; digest: Uint8Array };

export type Incoming = {
  /** As `takeOver` returned it, so that its writer is ours. */
  upload: UploadRow & { writer: string };
  source: Source | null;
  /** How many bytes the source has; null: nobody knows. */
  length: number | null;
  /** The bytes count only if they add up to this, and then all at once. */
  checksum: Checksum | null;
  /** The most bytes that are taken. */
  limit: number;
};

/** How long the bytes of a whole upload are kept, if no job needs them longer. */
const KEPT_MS = 7 * 86_400_000;

/** How far an upload has come, and why it goes no further, if it does not. */
type Taken = { bytes_received: number; cut: boolean };

/**
 * Take the bytes of a request: put away in objects of at most 8 MiB, each counted by itself, so that a request which is cut
 * off loses less than one. Throws when X would refuse the file, when another request has taken over, when a checksum does not fit.
 * `cut`: the stream ended or broke before its length.
 */
export async function receive(intake: Intake, incoming: Incoming): Promise<Taken> {
  const { upload, checksum } = incoming;
  const written: ChunkRow[] = [];
  try {
    const taken = await takeObjects(intake, incoming, written);
    if (checksum && written.length > 0) await count(intake, upload, written);
    return { bytes_received: taken.end, cut: taken.cut };
  } catch (error) {
    // What is surely not counted is nobody's; a commit without an answer may have counted. The rest goes with the upload.
    const keys = error instanceof Problem ? written.map(keyOf) : [];
    if (keys.length > 0)
      await intake.bucket.delete(keys).catch((reason: unknown) => {
        intake.log("upload.littered", { upload: upload.id, reason: reasonOf(reason) });
      });
    throw error;
  }
}

/** Put objects away; count each at once, or with a checksum leave that to the end. What is in `written` is not counted. */
async function takeObjects(
  intake: Intake,
  { upload, source, length, checksum, limit }: Incoming,
  written: ChunkRow[],
): Promise<{ end: number; cut: boolean }> {
  const digest = checksum && new crypto.DigestStream(checksum.algorithm);
  const hashing = digest?.getWriter();
  const first = upload.bytes_received;
  const room = Math.min(limit, (upload.size_bytes ?? Infinity) - first);
  let left = Math.min(length ?? Infinity, room);
  let end = first;
  let cut = false;
  while (source && left > 0 && !cut) {
    const chunk: ChunkRow = { upload_id: upload.id, start: end, size_bytes: 0, writer: upload.writer };
    const most = Math.min(left, OBJECT_BYTES);
    const isLast = length !== null && end + most === first + length;
    const put = length === null ? putKnown : isLast && !hashing ? putRest : putStream;
    chunk.size_bytes = await put(intake.bucket, keyOf(chunk), source, most, hashing);
    cut = chunk.size_bytes < most;
    if (chunk.size_bytes === 0) break;
    written.push(chunk);
    end += chunk.size_bytes;
    left -= chunk.size_bytes;
    if (!checksum) {
      await count(intake, { ...upload, bytes_received: chunk.start }, written);
      written.length = 0;
    }
  }
  if (source && length === null && !cut && (await source.read(1))) throw tooMany(room);
  if (hashing && checksum) await verify(hashing, digest, checksum, cut && length !== null);
  return { end, cut: cut && length !== null };
}

async function verify(
  hashing: NonNullable<Hashing>,
  digest: DigestStream | null,
  wanted: Checksum,
  cut: boolean,
) {
  await hashing.close();
  const found = digest && new Uint8Array(await digest.digest);
  if (cut || !found || !equalBytes(found, wanted.digest))
    throw new Problem("checksum_mismatch", {
      detail: cut
        ? "The request broke off"
        : `The bytes have the ${wanted.algorithm} ${found ? base64(found) : "unknown"}`,
    });
}

/**
 * Count objects that stand in R2. The file is looked at before its first bytes count and before its last ones: what X would
 * refuse ends here.
 */
async function count(
  intake: Intake,
  upload: UploadRow & { writer: string },
  written: ChunkRow[],
): Promise<void> {
  const { db, stored } = intake;
  const start = upload.bytes_received;
  const bytes = written.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
  const isWhole = start + bytes === upload.size_bytes;
  const known = start === 0 || isWhole ? await look(intake, upload, written, start + bytes) : null;
  const whole = isWhole && known ? { ...known, keep_ms: KEPT_MS } : null;
  const results = await db.batch([
    uploads.advance(db, stored(), { ...upload, start, bytes, whole }),
    chunks.insert(db, written),
    ...(whole ? await intake.onWhole({ ...upload, ...known }) : []),
    uploads.find(db, upload.client_id, upload.id),
  ]);
  const now = (results.at(-1)?.results as UploadRow[] | undefined)?.[0];
  // A commit whose answer was lost may have come through: then the upload stands where it should.
  if (now?.writer !== upload.writer || now.bytes_received !== start + bytes)
    throw new Problem("upload_conflict", { detail: "Another request goes on with this upload" });
}

async function look(
  { db, bucket, stored }: Intake,
  upload: UploadRow & { writer: string },
  written: ChunkRow[],
  bytes_received: number,
): Promise<Inspected | null> {
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(length);
    const before = await all<ChunkRow>(chunks.covering(db, upload.id, offset, offset + length));
    await readPieces(bucket, [...before, ...written], { offset, length }, bytes);
    return bytes;
  };
  try {
    return await inspect(read, { ...upload, bytes_received });
  } catch (error) {
    if (error instanceof Problem) await uploads.fail(db, stored(), upload, JSON.stringify(error)).run();
    throw error;
  }
}

const tooMany = (room: number): Problem =>
  new Problem("body_too_large", { detail: `More than the ${room} bytes that are taken here` });
