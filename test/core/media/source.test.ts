import { expect, test } from "vitest";
import { createSource } from "#core/media/source";

const native = (bytes: Uint8Array<ArrayBuffer>) => new Response(bytes).body as ReadableStream<Uint8Array>;
const scripted = (...chunks: number[][]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new Uint8Array(chunk));
      controller.close();
    },
  });

async function drain(stream: ReadableStream<Uint8Array>, most: number): Promise<number[][]> {
  const source = createSource(stream);
  const pieces: number[][] = [];
  for (let piece = await source.read(most); piece; piece = await source.read(most)) pieces.push([...piece]);
  return pieces;
}

test("a stream of the runtime comes in pieces of what is wanted", async () => {
  expect((await drain(native(new Uint8Array([1, 2, 3, 4, 5])), 2)).flat()).toEqual([1, 2, 3, 4, 5]);
});

test("what a script hands out at once is cut, and nothing of it is lost", async () => {
  expect(await drain(scripted([1, 2, 3], [4], [5, 6]), 2)).toEqual([[1, 2], [3], [4], [5, 6]]);
});

test("a stream that breaks rejects", async () => {
  const broken = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.error(new Error("gone"));
    },
  });
  await expect(createSource(broken).read(1)).rejects.toThrow("gone");
});

test.each([
  ["a stream of the runtime", () => new Response(new Uint8Array([1, 2, 3, 4, 5])).body],
  [
    "one of a script",
    () => new Blob([new Uint8Array([1, 2, 3, 4, 5])]).stream().pipeThrough(new TransformStream()),
  ],
] as const)("what has not been read yet of %s goes where it is piped to", async (_, make) => {
  const source = createSource(make() as ReadableStream<Uint8Array>);
  expect(await source.read(2)).toEqual(new Uint8Array([1, 2]));
  const { readable, writable } = new IdentityTransformStream();
  const written = new Response(readable).bytes();
  await source.pipeTo(writable, new AbortController().signal);
  expect(await written).toEqual(new Uint8Array([3, 4, 5]));
});
