import type { Source } from "./source.ts";

/** Who is told of the bytes that pass, if anybody is. */
export type Hashing = WritableStreamDefaultWriter<ArrayBuffer | ArrayBufferView> | undefined;

/** What is left of a request goes into its last object without passing through our hands. */
export async function putRest(bucket: R2Bucket, key: string, source: Source, size: number): Promise<number> {
  const { readable, writable } = new FixedLengthStream(size);
  const stop = new AbortController();
  const request = { broke: false };
  const put = bucket.put(key, readable).then(
    () => null,
    (error: unknown) => {
      // Whichever end broke, the other one breaks of it.
      const isFirst = !request.broke;
      stop.abort(error);
      return { error, isFirst };
    },
  );
  await source.pipeTo(writable, stop.signal).catch(() => {
    request.broke = true;
  });
  const failed = await put;
  if (failed?.isFirst) throw failed.error;
  return request.broke ? 0 : size;
}

/** Of a stream whose length is known, an object is written as it comes. Returns 0 when the stream broke: nothing is kept. */
export async function putStream(
  bucket: R2Bucket,
  key: string,
  source: Source,
  size: number,
  hashing: Hashing,
): Promise<number> {
  const { readable, writable } = new FixedLengthStream(size);
  const writer = writable.getWriter();
  const put = bucket.put(key, readable).then(
    () => null,
    async (error: unknown) => {
      // Else a write would wait for good: nobody reads any more.
      await writer.abort(error).catch(() => undefined);
      return { error };
    },
  );
  const wrote = await pump(source, size, writer, hashing);
  const failed = await put;
  if (failed && wrote !== "broke") throw failed.error;
  return wrote === "broke" ? 0 : size;
}

/** Write so many bytes, or find that there are not so many. */
async function pump(
  source: Source,
  size: number,
  writer: WritableStreamDefaultWriter,
  hashing: Hashing,
): Promise<"wrote" | "broke" | "failed"> {
  try {
    for (let left = size; left > 0;) {
      const piece = await source.read(left).catch(() => null);
      if (piece === null) {
        await writer.abort(new Error("the request broke off"));
        return "broke";
      }
      await Promise.all([writer.write(piece), hashing?.write(piece)]);
      left -= piece.length;
    }
    await writer.close();
    return "wrote";
  } catch {
    // What R2 has to say of it is what counts.
    return "failed";
  }
}

/** One of unknown length must be read before R2 takes it. Returns how many bytes there were. */
export async function putKnown(
  bucket: R2Bucket,
  key: string,
  source: Source,
  most: number,
  hashing: Hashing,
): Promise<number> {
  const bytes = new Uint8Array(most);
  let size = 0;
  while (size < most) {
    const piece = await source.read(most - size).catch(() => null);
    if (piece === null) break;
    await hashing?.write(piece);
    bytes.set(piece, size);
    size += piece.length;
  }
  if (size > 0) await bucket.put(key, bytes.subarray(0, size));
  return size;
}
