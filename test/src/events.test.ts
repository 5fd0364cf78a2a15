import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { showAccount } from "#core/accounts/view";
import { batchSchema } from "#core/jobs/batch-view";
import { jobSchema } from "#core/jobs/view";
import { isId } from "#core/lib/ids";
import { mediaSchema } from "#core/media/view";
import { eventTypes } from "#core/webhooks/events";
import docs from "../../docs/webhooks.md?raw";
import { endpointSchema } from "../../src/webhook-endpoints.ts";
import { openDoor, type Body } from "../support/door.ts";
import { accountRow } from "../support/rows.ts";

/** A client that reads its events, with so many ended jobs. */
async function ended(count: number, settings: { of?: { shard?: "0" | "1" } } = {}) {
  const door = await openDoor();
  const tenant = await door.tenant(settings.of);
  const { key } = tenant;
  await door.call("POST", "/v1/webhook-endpoints", { key, body: { events: ["*"] } });
  const end = async (state: "succeeded" | "failed" = "succeeded") => {
    const { body } = await tenant.post();
    await door.setJob(body.id, { state, open: null, finished_at: door.now() });
    return body.id;
  };
  const jobs: string[] = [];
  for (let i = 0; i < count; i++) jobs.push(await end(i % 2 === 0 ? "succeeded" : "failed"));
  door.advance(5_000);
  const read = async (query = "") => (await door.call("GET", `/v1/events${query}`, { key })).body;
  return { door, ...tenant, end, jobs, read };
}

describe("reading events", () => {
  test("begins with the oldest and goes on after the last, also when there was nothing more", async () => {
    const { read, jobs, end, door } = await ended(3);
    const first = await read("?limit=2");
    expect(first.data.map(({ data, type }) => [(data as unknown as { id: string }).id, type])).toEqual([
      [jobs[0], "job.succeeded"],
      [jobs[1], "job.failed"],
    ]);
    expect(first.has_more).toBe(true);
    const second = await read(`?after=${String(first.next_cursor)}`);
    expect(second).toMatchObject({ data: [{ data: { id: jobs[2] } }], has_more: false });
    const none = await read(`?after=${String(second.next_cursor)}`);
    expect(none).toMatchObject({ data: [], has_more: false, next_cursor: second.next_cursor });
    const more = await end();
    door.advance(5_000);
    expect(await read(`?after=${String(none.next_cursor)}`)).toMatchObject({
      data: [{ data: { id: more } }],
    });
  });

  test("can be limited to a type or a pattern", async () => {
    const { read } = await ended(3);
    expect((await read("?type=job.failed")).data).toHaveLength(1);
    expect((await read("?type=job.*")).data).toHaveLength(3);
    expect((await read("?type=account.*")).data).toEqual([]);
  });

  test("shows a limited key its accounts' alone, and others nothing", async () => {
    const { door, id, jobs, read } = await ended(1);
    const [event] = (await read()).data;
    const other = await door.key(id, { account_ids: [await door.account(id)] });
    expect((await door.call("GET", "/v1/events", { key: other })).body.data).toEqual([]);
    const path = `/v1/events/${event?.id ?? ""}`;
    expect((await door.call("GET", path, { key: other })).status).toBe(404);
    expect((await door.call("GET", path, { key: (await door.client()).key })).status).toBe(404);
    expect(jobs).toHaveLength(1);
  });

  test("goes over all databases, and waits a moment where their clocks may differ", async () => {
    const { read, end, door, key, jobs } = await ended(1, { of: { shard: "1" } });
    expect((await read()).data).toHaveLength(1);
    await end();
    expect((await read()).data).toHaveLength(1);
    door.advance(5_000);
    const page = await read();
    expect(page.data).toHaveLength(2);
    expect((await door.call("GET", `/v1/events/${page.data[0]?.id ?? ""}`, { key })).body).toMatchObject({
      type: "job.succeeded",
      data: { id: jobs[0], state: "succeeded" },
    });
  });
});

test("a replay goes to all that want it, or to one, and not twice at once", async () => {
  const { door, key, read } = await ended(1);
  const [event] = (await read()).data;
  const replay = (body: object = {}) =>
    door.call("POST", `/v1/events/${event?.id ?? ""}/replay`, { key, body });
  expect((await replay()).body).toEqual({ deliveries: 0 });
  const make = async (events: string[]) =>
    (
      await door.call("POST", "/v1/webhook-endpoints", {
        key,
        body: { url: `https://${events[0]?.split(".")[0] ?? ""}.shop.com/`, events },
      })
    ).body.id;
  const [wants, other] = [await make(["job.*"]), await make(["account.*"])];
  expect(await replay()).toMatchObject({ status: 202, body: { deliveries: 1 } });
  expect((await replay()).body).toEqual({ deliveries: 0 });
  expect((await replay({ endpoint_id: other })).body).toEqual({ deliveries: 1 });
  await door.settled();
  expect(door.messages.filter(({ lane }) => lane.startsWith("webhook:"))).toHaveLength(2);
  await env.DB.prepare(
    "UPDATE jobs SET state = 'succeeded', open = NULL, finished_at = 1 WHERE open = 1",
  ).run();
  expect((await replay({ endpoint_id: wants })).body).toEqual({ deliveries: 1 });
  await door.call("PATCH", `/v1/webhook-endpoints/${wants}`, { key, body: { state: "disabled" } });
  expect((await replay({ endpoint_id: wants })).body.code).toBe("endpoint_disabled");
});

describe("docs/webhooks.md", () => {
  const examples = [...docs.matchAll(/^### (\S+)\n[\s\S]*?```json\n([\s\S]*?)\n```/gm)].map(
    ([, title, json = ""]) => ({ title, event: JSON.parse(json) as Body & { type: string; data: object } }),
  );

  test("has one full example of every type, and of no other", () => {
    expect(examples.map(({ title }) => title)).toEqual(Object.keys(eventTypes));
    expect(examples.map(({ event }) => event.type)).toEqual(Object.keys(eventTypes));
  });

  test.each(examples)("$title is shown as it is sent", async ({ title = "", event }) => {
    expect(Object.keys(event)).toEqual(["id", "type", "timestamp", "data"]);
    expect(isId("evt", event.id)).toBe(true);
    if (title.startsWith("job.")) expect(jobSchema.parse(event.data).state).toBe(title.split(".")[1]);
    if (title.startsWith("batch.")) expect(batchSchema.parse(event.data)).toEqual(event.data);
    if (title.startsWith("media.")) expect(mediaSchema.parse(event.data).state).toBe(title.split(".")[1]);
    if (title.startsWith("endpoint.")) expect(endpointSchema.parse(event.data)).toEqual(event.data);
    if (title.startsWith("account.")) {
      const { reconnected: _, ...shown } = event.data as { reconnected?: boolean };
      expect(Object.keys(shown)).toEqual(Object.keys(showAccount(accountRow())));
    }
  });
});
