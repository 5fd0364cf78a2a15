import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { EndpointRow } from "#core/store/endpoints";
import type { JobRow } from "#core/store/jobs";
import { all, first } from "#core/store/sql";
import { openDoor } from "../support/door.ts";

const sent = (db = env.DB) =>
  all<JobRow>(db.prepare("SELECT * FROM jobs WHERE kind = 'webhook.deliver' ORDER BY id"));

async function listening(body: object = { url: "https://hooks.shop.com/x", events: ["job.*"] }) {
  const door = await openDoor();
  const tenant = await door.tenant();
  const { key } = tenant;
  const endpoint = (await door.call("POST", "/v1/webhook-endpoints", { key, body })).body;
  const act = (action: string, given?: object) =>
    door.call("POST", `/v1/webhook-endpoints/${endpoint.id}/${action}`, { key, body: given });
  const end = async (account_id = tenant.account_id) => {
    const { body: job } = await tenant.post({ account_id });
    await door.setJob(job.id, { state: "succeeded", open: null, finished_at: door.now() });
    return job.id;
  };
  return { door, ...tenant, endpoint, act, end };
}

test("a rotated secret is shown, and the old one is kept for a day", async () => {
  const { door, act, endpoint } = await listening();
  const before = await first<EndpointRow>(env.DB.prepare("SELECT * FROM endpoints"));
  const { status, body } = await act("rotate-secret");
  expect(status).toBe(200);
  expect(body.secret).toMatch(/^whsec_/);
  expect(body.secret).not.toBe(endpoint.secret);
  expect(body.old_secret_until).toBe(new Date(door.now() + 86_400_000).toISOString());
  for (const db of [env.DB, env.DB_1])
    expect(await first(db.prepare("SELECT * FROM endpoints"))).toMatchObject({ old_secret: before?.secret });
});

test("a test event goes to its endpoint alone, whatever that listens to, and is woken at once", async () => {
  const { door, key, act, endpoint } = await listening();
  await door.call("POST", "/v1/webhook-endpoints", {
    key,
    body: { url: "https://other.shop.com/", events: ["*"] },
  });
  const { status, body } = await act("test");
  expect(status).toBe(202);
  expect((await sent()).map(({ params }) => JSON.parse(params) as unknown)).toEqual([
    { account_id: "", event_id: body.event_id, endpoint_id: endpoint.id, callback_url: null },
  ]);
  await door.settled();
  expect(door.messages.filter(({ lane }) => lane.startsWith("webhook:"))).toHaveLength(1);
});

test("recover sends again what came to nothing since then, and nothing else", async () => {
  const { door, act, end } = await listening();
  const ended: string[] = [];
  for (let i = 0; i < 4; i++) {
    ended.push(await end());
    door.advance(60_000);
  }
  const made = await sent();
  expect(made).toHaveLength(4);
  const settle = (job: JobRow | undefined, state: JobRow["state"]) =>
    door.setJob(job?.id ?? "", { state, open: null, finished_at: door.now() });
  await settle(made[0], "dead");
  await settle(made[1], "dead");
  await settle(made[2], "succeeded");
  const { body } = await act("recover", { since: new Date(door.now() - 3 * 60_000).toISOString() });
  expect(body).toEqual({ events: 1, has_more: false });
  const open = (await sent()).filter(({ open }) => open === 1);
  const events = open.map(({ params }) => (JSON.parse(params) as { event_id: string }).event_id);
  const subjects = await all<{ subject: string }>(
    env.DB.prepare(
      "SELECT subject FROM events WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
    ).bind(JSON.stringify(events)),
  );
  expect(subjects.map(({ subject }) => subject)).toEqual([ended[1], ended[3]]);
});

test("recover looks on every database, sends to its own endpoint alone, and nothing of other clients", async () => {
  const { door, key, id, endpoint, act, end } = await listening();
  const other = await door.call("POST", "/v1/webhook-endpoints", {
    key,
    body: { url: "https://other.shop.com/", events: ["*"] },
  });
  const theirs = await door.tenant();
  await door.call("POST", "/v1/webhook-endpoints", {
    key: theirs.key,
    body: { url: "https://their.shop.com/", events: ["*"] },
  });
  await end();
  await end(await door.account(id, { shard: "1" }));
  const { body: job } = await theirs.post({ run_at: new Date(door.now() + 3_600_000).toISOString() });
  await door.call("POST", `/v1/jobs/${job.id}/cancel`, { key: theirs.key });
  for (const db of [env.DB, env.DB_1])
    await db
      .prepare("UPDATE jobs SET state = 'dead', open = NULL, finished_at = 1 WHERE kind = 'webhook.deliver'")
      .run();
  expect((await act("recover", { since: "2026-11-23T00:00:00Z" })).body).toEqual({
    events: 2,
    has_more: false,
  });
  const open = [...(await sent()), ...(await sent(env.DB_1))].filter((one) => one.open === 1);
  const places = open.map(({ params }) => (JSON.parse(params) as { endpoint_id: string }).endpoint_id);
  expect(places).toEqual([endpoint.id, endpoint.id]);
  expect(places).not.toContain(other.body.id);
});

test("recover also brings what happened while the endpoint was disabled", async () => {
  const { door, key, endpoint, act, end } = await listening();
  const path = `/v1/webhook-endpoints/${endpoint.id}`;
  await door.call("PATCH", path, { key, body: { state: "disabled" } });
  await end();
  expect((await act("recover", { since: "2026-11-23T00:00:00Z" })).body.code).toBe("endpoint_disabled");
  expect(await sent()).toEqual([]);
  await door.call("PATCH", path, { key, body: { state: "enabled" } });
  expect((await act("recover", { since: "2026-11-23T00:00:00Z" })).body).toMatchObject({ events: 1 });
  expect((await act("recover", { since: "2026-11-23T00:00:00Z" })).body).toMatchObject({ events: 0 });
});

test("nothing is sent to an endpoint without an address", async () => {
  const { act } = await listening({ events: ["*"] });
  expect((await act("test")).body.code).toBe("endpoint_disabled");
});
