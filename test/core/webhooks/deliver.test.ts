import { describe, expect, test } from "vitest";
import { deliver, type Network } from "#core/webhooks/deliver";

const message = { url: "https://hooks.shop.com/x", headers: { "webhook-id": "evt_1" }, body: "{}" };
const limits = { now: () => 1_800_000_000_000, timeout_ms: 50 };
const answering =
  (response: Response): Network =>
  async () =>
    response;
const reply = (response: Response) => deliver(answering(response), message, limits);

test("it is posted as it is, and redirects are not followed", async () => {
  const asked: unknown[] = [];
  await deliver(
    async (url, init) => {
      asked.push([url, init.method, init.headers, init.body, init.redirect]);
      return new Response();
    },
    message,
    limits,
  );
  expect(asked).toEqual([[message.url, "POST", message.headers, message.body, "manual"]]);
});

describe("what a receiver says", () => {
  test("is its status and the beginning of its answer, and no more is read", async () => {
    let pulled = 0;
    let canceled = false;
    const body = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          pulled++;
          controller.enqueue(new TextEncoder().encode("é".repeat(200)));
        },
        cancel: () => {
          canceled = true;
        },
      },
      { highWaterMark: 0 },
    );
    const said = await reply(new Response(body, { status: 418 }));
    expect(said).toMatchObject({ status: 418, answer: "é".repeat(512), took_ms: 0 });
    expect(pulled).toBe(3);
    expect(canceled).toBe(true);
  });

  test("counts when its body never ends, or breaks", async () => {
    const never = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => undefined) });
    expect(await reply(new Response(never))).toMatchObject({ status: 200, answer: "" });
    const broken = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.error(new Error("reset"));
      },
    });
    expect(await reply(new Response(broken))).toMatchObject({ status: 200, answer: "" });
  });

  test.each([
    ["120", 120],
    [new Date(limits.now() + 90_000).toUTCString(), 90],
    [new Date(limits.now() - 90_000).toUTCString(), null],
    ["9999999", 86_400],
    ["soon", null],
    ["-5", null],
  ])("Retry-After: %s is %s seconds", async (header, seconds) => {
    const said = await reply(new Response(null, { status: 503, headers: { "retry-after": header } }));
    expect(said).toMatchObject({ retry_after_s: seconds });
  });
});

describe("a receiver that says nothing", () => {
  test("in time", async () => {
    const hanging: Network = (_, init) =>
      new Promise((_resolve, reject) => {
        init.signal?.addEventListener("abort", () => {
          reject(new Error("aborted"));
        });
      });
    expect(await deliver(hanging, message, limits)).toMatchObject({ status: null, reason: "timeout" });
  });

  test("because it cannot be reached", async () => {
    const broken: Network = () => Promise.reject(new Error("no route"));
    expect(await deliver(broken, message, limits)).toMatchObject({ status: null, reason: "network" });
  });
});
