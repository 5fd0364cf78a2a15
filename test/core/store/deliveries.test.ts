import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import * as deliveries from "#core/store/deliveries";
import type { Resending } from "#core/store/deliveries";
import type { EventRow } from "#core/store/events";
import type { JobRow } from "#core/store/jobs";
import { all } from "#core/store/sql";
import { endpointGate } from "#core/webhooks/endpoint-health";
import { createHarness } from "../../support/harness.ts";

/** A client with so many events that its endpoint has had. */
async function had(count: number) {
  const h = await createHarness();
  const row = await h.endpoint(["job.*"]);
  const account = await h.account();
  for (let i = 0; i < count; i++) {
    await h.post(account, `tweet ${i}`);
    await h.turn();
    await h.turn();
  }
  const events = await all<EventRow>(env.DB.prepare("SELECT * FROM events ORDER BY id"));
  const resend = (more: Partial<Resending>, limit = 10) =>
    all<{ lane: string }>(
      deliveries.resend(
        env.DB,
        h.now(),
        {
          client_id: h.clientId,
          from: events[0]?.id ?? "",
          to: events.at(-1)?.id ?? "",
          endpoint_id: row.id,
          even_if: "not had",
          ...more,
        },
        limit,
      ),
    );
  const of = (event: EventRow | undefined) =>
    all<JobRow>(deliveries.ofEvent(env.DB, h.clientId, event?.id ?? ""));
  return { h, row, events, resend, of };
}

test("an event's deliveries stand together, and an endpoint's are listed, the newest first", async () => {
  const { h, row, events, of } = await had(3);
  expect((await of(events[1])).map((job) => deliveries.paramsOf(job))).toEqual([
    { account_id: events[1]?.account_id, event_id: events[1]?.id, endpoint_id: row.id, callback_url: null },
  ]);
  const listed = await all<JobRow>(deliveries.ofEndpoint(env.DB, h.clientId, row.id, "job_~", 2));
  expect(listed.map((job) => deliveries.paramsOf(job).event_id)).toEqual([events[2]?.id, events[1]?.id]);
  expect(await all(deliveries.ofEndpoint(env.DB, h.clientId, "whe_other", "job_~", 2))).toEqual([]);
  expect(await all(deliveries.floorOf(env.DB, h.clientId, "job_~"))).toEqual([]);
});

describe("sending again", () => {
  test("passes over what was had, unless that is wanted", async () => {
    const { resend, of, events } = await had(2);
    expect(await resend({})).toEqual([]);
    expect(await resend({ even_if: "had", to: events[0]?.id ?? "" })).toHaveLength(1);
    expect((await of(events[0])).map(({ state }) => state).sort()).toEqual(["queued", "succeeded"]);
    expect(await of(events[1])).toHaveLength(1);
  });

  test("passes over what is under way", async () => {
    const { resend } = await had(1);
    expect(await resend({ even_if: "had" })).toHaveLength(1);
    expect(await resend({ even_if: "had" })).toEqual([]);
  });

  test("takes what came to nothing, a bounded number at a time", async () => {
    const { h, resend } = await had(3);
    await env.DB.prepare("UPDATE jobs SET state = 'dead' WHERE kind = 'webhook.deliver'").run();
    expect(await resend({}, 2)).toHaveLength(2);
    expect(await resend({}, 2)).toHaveLength(1);
    expect(await resend({}, 2)).toEqual([]);
    await h.tick();
    await h.turn();
    expect(new Set(h.receiver.posts.map(({ headers }) => headers["webhook-id"])).size).toBe(3);
    expect(h.receiver.posts).toHaveLength(6);
  });

  test("goes to a new endpoint that wants it, and to one that is named although it does not", async () => {
    const { h, resend } = await had(1);
    const late = await h.endpoint(["job.*"], { url: "https://late.shop.com/" });
    const other = await h.endpoint(["account.*"], { url: "https://other.shop.com/" });
    expect(await resend({ endpoint_id: late.id })).toHaveLength(1);
    expect(await resend({ endpoint_id: other.id })).toEqual([]);
    expect(await resend({ endpoint_id: other.id, even_if: "had" })).toHaveLength(1);
    expect(await resend({ endpoint_id: null, even_if: "had" })).toHaveLength(1);
  });

  test("puts it on the lane on which it was", async () => {
    const { resend, of, events } = await had(1);
    const [lane] = await resend({ even_if: "had" });
    expect(lane?.lane).toBe((await of(events[0]))[0]?.lane);
  });
});

test("lanes that have something to do are found by their client, and hurried by their gate", async () => {
  const { h, row, resend } = await had(1);
  expect(await all(deliveries.due(env.DB, h.now(), [h.clientId]))).toEqual([]);
  await resend({ even_if: "had" });
  expect(await all(deliveries.due(env.DB, h.now(), [h.clientId, "cli_other"]))).toHaveLength(1);
  expect(await all(deliveries.due(env.DB, h.now() - 1, [h.clientId]))).toEqual([]);
  expect(await all(deliveries.lanesOf(env.DB, endpointGate(row)))).toHaveLength(1);
  await env.DB.prepare("UPDATE lanes SET next_at = next_at + 1000").run();
  expect(await all(deliveries.hurry(env.DB, h.now(), endpointGate(row)))).toHaveLength(1);
  expect(await all(deliveries.hurry(env.DB, h.now(), endpointGate(row)))).toEqual([]);
});

test("a callback is sent again with its event, once at a time, and by no endpoint's recovery", async () => {
  const h = await createHarness();
  const row = await h.endpoint(["account.*"]);
  const callback_url = "https://me.shop.com/done";
  await h.post(await h.account(), "with", { callback_url });
  await h.post(await h.account(), "without");
  await h.turn();
  const [event, ...others] = await all<EventRow>(env.DB.prepare("SELECT * FROM events"));
  expect(others).toEqual([]);
  const id = event?.id ?? "";
  const resend = (endpoint_id: string | null, even_if: Resending["even_if"]) =>
    all(
      deliveries.resend(
        env.DB,
        h.now(),
        { client_id: h.clientId, from: id, to: id, endpoint_id, even_if },
        9,
      ),
    );
  expect(await resend(null, "had")).toEqual([]);
  await env.DB.prepare(
    "UPDATE jobs SET state = 'dead', open = NULL, finished_at = 1 WHERE kind = 'webhook.deliver'",
  ).run();
  expect(await resend(row.id, "not had")).toEqual([]);
  expect(await resend(null, "had")).toHaveLength(1);
  expect(await resend(null, "had")).toEqual([]);
  const made = await all<JobRow>(deliveries.ofEvent(env.DB, h.clientId, id));
  expect(made.map((job) => deliveries.paramsOf(job).callback_url)).toEqual([callback_url, callback_url]);
});
