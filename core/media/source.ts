/** A stream of bytes, read in pieces of a wanted size. */
export type Source = {
  /**
   * The next bytes, at most that many; null at the end. Rejects when the stream breaks. They are good until more are read: their
   * memory is used again, for what passes here is more than is collected in time.
   */
  read(most: number): Promise<Uint8Array | null>;
  /** All that is left, to where it is written; the runtime moves it without us. Rejects when either end breaks. */
  pipeTo(target: WritableStream<Uint8Array>, signal: AbortSignal): Promise<void>;
};

/** Native streams hand out so much at once; less, and reading costs more than the bytes are worth. */
const PIECE_BYTES = 256 * 1024;

export function createSource(stream: ReadableStream<Uint8Array>): Source {
  let rest: Uint8Array = new Uint8Array();
  let reading: Reading | null = null;
  return {
    async read(most) {
      if (rest.length === 0) {
        reading ??= readingOf(stream);
        const piece = await reading.next(Math.min(most, PIECE_BYTES));
        if (piece === null) return null;
        rest = piece;
      }
      const piece = rest.subarray(0, most);
      rest = rest.subarray(piece.length);
      return piece;
    },
    async pipeTo(target, signal) {
      reading?.release();
      if (rest.length > 0) {
        const writer = target.getWriter();
        await writer.write(rest);
        writer.releaseLock();
      }
      await stream.pipeTo(target, { signal });
    },
  };
}

type Reading = { next: (most: number) => Promise<Uint8Array | null>; release: () => void };

/** Streams of the runtime are read into buffers of our size; those of scripts come as they are. */
function readingOf(stream: ReadableStream<Uint8Array>): Reading {
  try {
    const reader = stream.getReader({ mode: "byob" });
    let memory: ArrayBufferLike = new ArrayBuffer(PIECE_BYTES);
    return {
      next: async (most) => {
        const { done, value } = await reader.read(new Uint8Array(memory, 0, most));
        // It is handed over and comes back: the piece before is gone.
        if (value) memory = value.buffer;
        return done ? null : value;
      },
      release: () => {
        reader.releaseLock();
      },
    };
  } catch {
    const reader = stream.getReader();
    return {
      next: async () => {
        const { done, value } = await reader.read();
        return done ? null : value;
      },
      release: () => {
        reader.releaseLock();
      },
    };
  }
}
