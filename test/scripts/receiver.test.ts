import { Webhook } from "standardwebhooks";
import { afterEach, expect, test } from "vitest";
import { startReceiver, type Mood, type Receiver } from "../../scripts/receiver.ts";

const SECRET = `whsec_${btoa("a".repeat(32))}`;
let receiver: Receiver;

afterEach(() => receiver.close());

const start = async (mood: (request: number, id: string) => Mood, options = {}) => {
  receiver = await startReceiver(() => SECRET, mood, options);
};

function post(id: string, body = JSON.stringify({ id }), secret = SECRET) {
  const now = new Date();
  const headers = {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
    "webhook-signature": new Webhook(secret).sign(id, now, body),
  };
  return fetch(receiver.url, { method: "POST", headers, body });
}

test("events that are signed rightly are kept once by their id", async () => {
  await start(() => "take");
  expect((await post("evt_1")).status).toBe(204);
  expect((await post("evt_1")).status).toBe(204);
  expect((await post("evt_2", "{}", `whsec_${btoa("b".repeat(32))}`)).status).toBe(400);
  expect([...receiver.events.keys()]).toEqual(["evt_1"]);
  expect(receiver.counts).toEqual({ requests: 3, refused: 0, unsigned: 1 });
});

test("it fails and hangs as it is told to", async () => {
  await start((request) => (request === 1 ? "fail" : "hang"));
  expect((await post("evt_1")).status).toBe(503);
  const limit = new AbortController();
  const hanging = fetch(receiver.url, { method: "POST", body: "{}", signal: limit.signal });
  while (receiver.counts.refused < 2) await new Promise((done) => setImmediate(done));
  limit.abort();
  await expect(hanging).rejects.toThrow();
  expect(receiver.events.size).toBe(0);
});

test("what came is told of before it is answered, also what was not signed rightly", async () => {
  const told: unknown[] = [];
  await start((_, id) => (id === "evt_bad" ? "fail" : "take"), {
    onEvent: (event: unknown, body: string) => told.push([event, body]),
  });
  await post("evt_1");
  await post("evt_2", "{}", `whsec_${btoa("b".repeat(32))}`);
  await post("evt_bad");
  expect(told).toEqual([
    [{ id: "evt_1" }, '{"id":"evt_1"}'],
    [null, "{}"],
  ]);
});
