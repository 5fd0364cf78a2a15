import { expect, test } from "vitest";
import { readAnswer } from "#core/x/answer";

const NOW = Date.UTC(2026, 10, 23);
const never = new AbortController().signal;
const bytes = (text: string) => new TextEncoder().encode(text);

/** A body that gives `chunks` and then ends, breaks, or stays silent. */
const body = (chunks: Uint8Array[], end: "close" | "error" | "silence") =>
  new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk) controller.enqueue(chunk);
      else if (end === "close") controller.close();
      else if (end === "error") controller.error(new Error("reset"));
      else return new Promise(() => undefined);
      return undefined;
    },
  });

test("an answer is its status, text, JSON, rate and X's id of it", async () => {
  const response = Response.json(
    { data: { id: "1" } },
    { status: 201, headers: { "x-transaction-id": "abc", "retry-after": "3" } },
  );
  const answer = await readAnswer(response, NOW, never);
  expect(answer).toMatchObject({ status: 201, text: '{"data":{"id":"1"}}', request_id: "abc" });
  expect(answer.json).toEqual({ data: { id: "1" } });
  expect(answer.rate.retry_after_s).toBe(3);
});

test("an answer knows what was sent, so that its words can be cleared of it", async () => {
  const answer = await readAnswer(new Response("no"), NOW, never, ["secret"]);
  expect(answer.secrets).toEqual(["secret"]);
});

test.each([
  ["HTML", "<html>", 502],
  ["nothing", "", 404],
  ["plain text", "Too many", 429],
])("%s is text without JSON", async (_, text, status) => {
  const answer = await readAnswer(new Response(text, { status }), NOW, never);
  expect(answer).toMatchObject({ status, text, json: undefined, request_id: null });
});

test("a 204 has an empty text", async () => {
  expect(await readAnswer(new Response(null, { status: 204 }), NOW, never)).toMatchObject({ text: "" });
});

test("a character split between two chunks is read whole", async () => {
  const [a, b] = [bytes('"é"').slice(0, 2), bytes('"é"').slice(2)];
  const answer = await readAnswer(new Response(body([a, b], "close")), NOW, never);
  expect(answer.json).toBe("é");
});

test("a body that breaks off leaves the status, and no JSON", async () => {
  const answer = await readAnswer(new Response(body([bytes("42")], "error"), { status: 429 }), NOW, never);
  expect(answer).toMatchObject({ status: 429, text: "42", json: undefined });
});

test("a body is read up to 1 MiB and not believed beyond", async () => {
  const half = bytes("1".repeat(600_000));
  const answer = await readAnswer(new Response(body([half, half], "silence")), NOW, never);
  expect(answer.text).toHaveLength(600_000);
  expect(answer.json).toBeUndefined();
});

test("a body that stays silent ends with the deadline, and half of it is not JSON", async () => {
  const deadline = new AbortController();
  const reading = readAnswer(new Response(body([bytes("4")], "silence")), NOW, deadline.signal);
  deadline.abort();
  expect(await reading).toMatchObject({ status: 200, json: undefined });
});

test("a body whose deadline has passed before it is read does not hang", async () => {
  const answer = await readAnswer(new Response(body([], "silence")), NOW, AbortSignal.abort());
  expect(answer.json).toBeUndefined();
});
