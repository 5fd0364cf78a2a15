import { describe, expect, test } from "vitest";
import { allKinds } from "#core/jobs/kinds/index";
import { laneIn, wake, type WakeUp } from "#core/jobs/wake";
import type { LogFields } from "#core/lib/log";

function queueOf(sendBatch: (messages: MessageSendRequest<WakeUp>[]) => Promise<void>) {
  const log: { event: string; fields: LogFields | undefined }[] = [];
  const engine = {
    queues: {
      tweets: { sendBatch } as unknown as Queue<WakeUp>,
      refresh: { sendBatch } as unknown as Queue<WakeUp>,
      webhooks: { sendBatch } as unknown as Queue<WakeUp>,
      media: { sendBatch } as unknown as Queue<WakeUp>,
    },
    kinds: allKinds,
    log: (event: string, fields?: LogFields) => log.push({ event, fields }),
  };
  return { engine, log };
}

test("wake-ups name their lane and nothing else, with the delay rounded up to seconds", async () => {
  const sent: MessageSendRequest<WakeUp>[] = [];
  const { engine } = queueOf(async (messages) => void sent.push(...messages));
  const lane = "tweets:acc_1";
  await wake(
    engine,
    [
      { lane, wait_ms: 0 },
      { lane, wait_ms: -5000 },
      { lane, wait_ms: 1001 },
    ],
    1000,
  );
  expect(sent).toEqual([
    { body: { lane }, delaySeconds: 0 },
    { body: { lane }, delaySeconds: 0 },
    { body: { lane }, delaySeconds: 2 },
  ]);
});

test("a queue is given at most 100 messages at once", async () => {
  const sizes: number[] = [];
  const { engine } = queueOf(async (messages) => void sizes.push(messages.length));
  await wake(
    engine,
    Array.from({ length: 250 }, (_, i) => ({ lane: `tweets:acc_${i}`, wait_ms: 0 })),
    1000,
  );
  expect(sizes).toEqual([100, 100, 50]);
});

test("no wake-ups, or only for lanes of no kind, send nothing", async () => {
  const { engine } = queueOf(() => Promise.reject(new Error("nothing was to be sent")));
  await wake(engine, [], 1000);
  await wake(engine, [{ lane: "sings:acc_1", wait_ms: 0 }], 1000);
});

test("what a queue does not take is said in the log, and the rest is still sent", async () => {
  let tries = 0;
  const { engine, log } = queueOf(async () => {
    if (++tries === 1) throw new Error("the queue is not there");
  });
  await wake(
    engine,
    Array.from({ length: 150 }, () => ({ lane: "tweets:acc_1", wait_ms: 0 })),
    1000,
  );
  expect(tries).toBe(2);
  expect(log).toEqual([
    {
      event: "wake.failed",
      fields: { queue: "tweets", count: 100, reason: "Error: the queue is not there" },
    },
  ]);
});

test("a queue that hangs is given up on", async () => {
  const { engine, log } = queueOf(() => new Promise(() => undefined));
  await wake(engine, [{ lane: "tweets:acc_1", wait_ms: 0 }], 10);
  expect(log).toMatchObject([{ event: "wake.failed", fields: { reason: "Error: no answer within 10 ms" } }]);
});

describe("the lane in a message", () => {
  test.each([
    [{ lane: "tweets:acc_1" }, "tweets:acc_1"],
    [{ lane: "" }, null],
    [{ lane: "x".repeat(201) }, null],
    [{ lane: "tweets:acc_1", kind: "tweet.create" }, null],
    ["tweets:acc_1", null],
    [null, null],
  ])("%j", (body, lane) => {
    expect(laneIn(body)).toBe(lane);
  });
});
