import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { EndpointRow } from "#core/store/endpoints";
import { all } from "#core/store/sql";
import { mistakes, openDoor, type Body, type Door } from "../support/door.ts";

const URL_ = "https://hooks.shop.com/x";
const rows = (db = env.DB) => all<EndpointRow>(db.prepare("SELECT * FROM endpoints ORDER BY id"));

const make = (door: Door, key: string, body: object = {}) =>
  door.call("POST", "/v1/webhook-endpoints", { key, body: { url: URL_, events: ["job.*"], ...body } });

describe("making an endpoint", () => {
  test("shows its secret once, seals it, and stands on every database", async () => {
    const door = await openDoor();
    const { key, id: client_id } = await door.client();
    const { status, headers, body } = await make(door, key);
    expect([status, headers.get("location")]).toEqual([201, `/v1/webhook-endpoints/${body.id}`]);
    expect(body).toMatchObject({ url: URL_, events: ["job.*"], account_ids: null, state: "enabled" });
    expect(body.secret).toMatch(/^whsec_/);
    const [row] = await rows();
    expect(row).toMatchObject({ client_id, secret: expect.stringMatching(/^w1\./) as string });
    expect(await rows(env.DB_1)).toEqual([row]);
    const { secret: _, ...shown } = body;
    expect((await door.call("GET", `/v1/webhook-endpoints/${body.id}`, { key })).body).toEqual(shown);
    expect((await door.call("GET", "/v1/webhook-endpoints", { key })).body.data).toEqual([shown]);
  });

  test.each<[object, string]>([
    [{ url: "http://hooks.shop.com/" }, "/url not_public"],
    [{ url: "https://127.0.0.1/" }, "/url not_public"],
    [{ url: "http://localhost:9000/" }, "/url not_public"],
    [{ events: [] }, "/events too_small"],
    [{ events: ["job.exploded"] }, "/events/0 invalid"],
    [{ events: ["*.failed"] }, "/events/0 invalid"],
    [{ account_ids: ["acc_1"] }, "/account_ids/0 invalid"],
    [{ color: "red" }, "/color unknown_field"],
  ])("refuses %j", async (body, mistake) => {
    const door = await openDoor();
    const { key } = await door.client();
    const made = await make(door, key, body);
    expect([made.status, mistakes(made.body)]).toEqual([422, [mistake]]);
  });

  test("takes this machine's address where that is allowed", async () => {
    const door = await openDoor({ ALLOW_LOCAL_WEBHOOKS: "on" });
    const { key } = await door.client();
    expect((await make(door, key, { url: "http://127.0.0.1:9000/x" })).status).toBe(201);
    expect((await make(door, key, { url: "http://10.0.0.1:9000/x" })).status).toBe(422);
  });

  test("takes none: its events are read", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    expect((await make(door, key, { url: null })).body).toMatchObject({ url: null, state: "enabled" });
  });

  test("a key that is limited to accounts hears of those alone", async () => {
    const door = await openDoor();
    const { id, key } = await door.client();
    const [mine, other] = [await door.account(id), await door.account(id)];
    const limited = await door.key(id, { scopes: ["jobs:read", "webhooks:write"], account_ids: [mine] });
    expect((await make(door, limited)).body.code).toBe("insufficient_scope");
    expect((await make(door, limited, { account_ids: [other] })).body.code).toBe("insufficient_scope");
    expect((await make(door, limited, { account_ids: [mine] })).status).toBe(201);
    const { body: wide } = await make(door, key);
    expect((await door.call("GET", `/v1/webhook-endpoints/${wide.id}`, { key: limited })).status).toBe(404);
    const listed = await door.call("GET", "/v1/webhook-endpoints", { key: limited });
    expect(listed.body.data.map(({ account_ids }: Body) => account_ids)).toEqual([[mine]]);
  });
});

test("another client's endpoint is not found", async () => {
  const door = await openDoor();
  const { body } = await make(door, (await door.client()).key);
  const { key } = await door.client();
  const path = `/v1/webhook-endpoints/${body.id}`;
  for (const method of ["GET", "PATCH", "DELETE"])
    expect((await door.call(method, path, { key, ...(method === "PATCH" && { body: {} }) })).status).toBe(
      404,
    );
});

describe("changing an endpoint", () => {
  test("changes what is given, everywhere, and is noted", async () => {
    const door = await openDoor();
    const { key, id } = await door.client();
    const { body } = await make(door, key);
    const path = `/v1/webhook-endpoints/${body.id}`;
    const changed = await door.call("PATCH", path, { key, body: { events: ["*"], description: "ours" } });
    expect(changed.body).toMatchObject({ url: URL_, events: ["*"], description: "ours" });
    expect((await rows(env.DB_1))[0]).toMatchObject({ events: '["*"]', description: "ours" });
    const noted = await all<{ action: string }>(
      env.DB.prepare("SELECT action FROM audit WHERE client_id = ? ORDER BY id").bind(id),
    );
    expect(noted.map(({ action }) => action).sort()).toEqual(["endpoint.changed", "endpoint.created"]);
  });

  test("disables it, and enabled again it gets what waited", async () => {
    const door = await openDoor();
    const { key, id: client_id } = await door.client();
    const { body } = await make(door, key);
    const path = `/v1/webhook-endpoints/${body.id}`;
    await door.call("POST", `${path}/test`, { key });
    const disabled = await door.call("PATCH", path, { key, body: { state: "disabled" } });
    expect(disabled.body).toMatchObject({ state: "disabled", disabled_reason: "asked" });
    const gate = () => door.env.DB.prepare("SELECT * FROM gates WHERE name LIKE 'webhook:%'").first();
    expect(await gate()).toMatchObject({
      name: `webhook:${client_id}:${body.id}`,
      reason: "endpoint_disabled",
    });
    await env.DB.prepare("UPDATE lanes SET next_at = 9e15").run();
    door.advance(1000);
    door.messages.splice(0);
    const enabled = await door.call("PATCH", path, { key, body: { state: "enabled" } });
    expect(enabled.body).toMatchObject({ state: "enabled", disabled_reason: null });
    await door.settled();
    expect(await gate()).toBeNull();
    expect(door.messages.map(({ lane }) => lane.split("/")[0])).toEqual([`webhook:${client_id}:${body.id}`]);
  });
});

test("a deleted endpoint is gone everywhere, and what was to be sent to it is canceled", async () => {
  const door = await openDoor();
  const { key } = await door.client();
  const { body } = await make(door, key);
  await door.call("POST", `/v1/webhook-endpoints/${body.id}/test`, { key });
  expect((await door.ask("DELETE", `/v1/webhook-endpoints/${body.id}`, { key })).status).toBe(204);
  expect([await rows(), await rows(env.DB_1)]).toEqual([[], []]);
  const waiting = await all<{ state: string }>(env.DB.prepare("SELECT state FROM jobs"));
  expect(waiting.map(({ state }) => state)).toEqual(["canceled"]);
});

describe("a callback URL", () => {
  const withSecret = async () => {
    const door = await openDoor();
    const { id, key, account_id, post } = await door.tenant();
    const path = `/v1/clients/${id}/rotate-webhook-secret`;
    const rotated = await door.call("POST", path, { key: await door.key(id, { scopes: ["admin"] }) });
    expect(rotated.body.webhook_secret).toMatch(/^whsec_/);
    return { door, key, account_id, post };
  };

  test("is kept with the job as it will be called, and refused like an endpoint's", async () => {
    const { door, post } = await withSecret();
    const { body } = await post({ callback_url: "https://Me.Shop.com/done#x" });
    expect(await door.row(body.id, "jobs")).toMatchObject({ callback_url: "https://me.shop.com/done" });
    const refused = await post({ callback_url: "https://10.0.0.1/" });
    expect([refused.status, mistakes(refused.body)]).toEqual([422, ["/callback_url not_public"]]);
  });

  test("is refused while the client has no secret to sign with", async () => {
    const door = await openDoor();
    const { post } = await door.tenant();
    const refused = await post({ callback_url: "https://me.shop.com/done" });
    expect([refused.status, mistakes(refused.body)]).toEqual([422, ["/callback_url no_secret"]]);
  });

  test("is told when the job is canceled", async () => {
    const { door, key, post } = await withSecret();
    const { body } = await post({ callback_url: "https://me.shop.com/done", run_at: "2026-11-24T12:00:00Z" });
    door.messages.splice(0);
    await door.call("POST", `/v1/jobs/${body.id}/cancel`, { key });
    await door.settled();
    expect(door.messages.map(({ lane }) => lane)).toEqual([
      expect.stringMatching(/^tweets:/),
      expect.stringMatching(/^webhook:cli_.*:me\.shop\.com\/\d+:0$/),
    ]);
  });
});
