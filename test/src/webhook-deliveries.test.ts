import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { openDoor } from "../support/door.ts";

test("deliveries are listed by event and by endpoint, with each attempt; they are no jobs to clients", async () => {
  const door = await openDoor();
  const { key } = await door.tenant();
  const body = { url: "https://hooks.shop.com/x", events: ["job.*"] };
  const { body: endpoint } = await door.call("POST", "/v1/webhook-endpoints", { key, body });
  const path = `/v1/webhook-endpoints/${endpoint.id}`;
  const ids: unknown[] = [];
  for (let i = 0; i < 3; i++) ids.push((await door.call("POST", `${path}/test`, { key })).body.event_id);
  const [first] = await env.DB.prepare("SELECT id FROM jobs ORDER BY id LIMIT 1")
    .all<{ id: string }>()
    .then(({ results }) => results);
  const log = [
    {
      at: door.now(),
      outcome: "retry",
      status: 500,
      took_ms: 12,
      answer: "no",
      code: "x",
      detail: "The receiver answered 500",
    },
    { at: door.now(), outcome: "again" },
  ];
  await door.setJob(first?.id ?? "", {
    state: "waiting",
    log: JSON.stringify(log),
    due_at: door.now() + 5000,
  });

  const of = await door.call("GET", `/v1/events/${String(ids[0])}/deliveries`, { key });
  expect(of.body.data).toEqual([
    {
      id: first?.id,
      event_id: ids[0],
      endpoint_id: endpoint.id,
      callback_url: null,
      state: "waiting",
      created_at: new Date(door.now()).toISOString(),
      finished_at: null,
      next_attempt_at: new Date(door.now() + 5000).toISOString(),
      attempts: [
        {
          at: new Date(door.now()).toISOString(),
          status: 500,
          took_ms: 12,
          answer: "no",
          detail: "The receiver answered 500",
        },
      ],
    },
  ]);

  const page = await door.call("GET", `${path}/deliveries?limit=2`, { key });
  expect(page.body.data.map(({ event_id }) => event_id)).toEqual([ids[2], ids[1]]);
  const rest = await door.call("GET", `${path}/deliveries?limit=2&cursor=${String(page.body.next_cursor)}`, {
    key,
  });
  expect(rest.body).toMatchObject({ data: [{ event_id: ids[0] }], has_more: false, next_cursor: null });

  expect((await door.call("GET", `/v1/jobs/${first?.id ?? ""}`, { key })).status).toBe(404);
  expect((await door.call("GET", "/v1/jobs", { key })).body.data).toEqual([]);
  const asked = await door.call("POST", "/v1/jobs", { key, body: { kind: "webhook.deliver", params: {} } });
  expect(asked.status).toBe(422);
});
