import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { newId } from "#core/lib/ids";
import { all } from "#core/store/sql";
import { createHarness } from "../../support/harness.ts";

/** An event that was told, and a way to send it anywhere. */
async function told() {
  const h = await createHarness();
  const row = await h.endpoint(["job.*"]);
  await h.post(await h.account(), "x");
  await h.turn();
  const [event] = await all<{ id: string }>(env.DB.prepare("SELECT id FROM events"));
  const delivery = {
    client_id: h.clientId,
    event_id: event?.id ?? "",
    endpoint_id: row.id,
    callback_url: null,
  };
  return { h, row, send: (more: object = {}) => h.consumer.send({ ...delivery, ...more }) };
}

const answering = async (status: number) => {
  const { h, send } = await told();
  h.receiver.answer(() => new Response("said", { status: status === 0 ? 200 : status }));
  if (status === 0) h.receiver.answer(() => Promise.reject(new Error("reset")));
  return send();
};

test.each([
  [200, "done", true],
  [299, "done", true],
  [302, "retry", false],
  [404, "retry", false],
  [410, "fail", false],
  [429, "retry", false],
  [500, "retry", false],
  [0, "retry", false],
])("%i is %s", async (status, type, well) => {
  const { outcome, well: was } = await answering(status);
  expect(outcome.type).toBe(type);
  expect(outcome.note).toMatchObject({ status: status || null, took_ms: 0 });
  expect(was).toBe(well);
});

test.each<[string, object, string]>([
  ["an event that is gone", { event_id: newId("evt", "0", 1) }, "endpoint_gone"],
  ["an endpoint that is gone", { endpoint_id: newId("whe", "0", 1) }, "endpoint_gone"],
  ["another client's event", { client_id: newId("cli", "0", 1) }, "endpoint_gone"],
  [
    "a callback of a client without a secret",
    { endpoint_id: null, callback_url: "https://me.shop.com/" },
    "endpoint_gone",
  ],
])("%s is not sent", async (_, more, code) => {
  const { h, send } = await told();
  const { outcome, well } = await send(more);
  expect(outcome).toMatchObject({ type: "fail", problem: { code } });
  expect(well).toBeNull();
  expect(h.receiver.posts).toEqual([]);
});

test("what meets a disabled endpoint goes back unsent, at no cost", async () => {
  const { h, send } = await told();
  await env.DB.prepare("UPDATE endpoints SET state = 'disabled', disabled_reason = 'asked'").run();
  expect((await send()).outcome).toMatchObject({ type: "again" });
  expect(h.receiver.posts).toEqual([]);
});
