import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { openDoor, type Door } from "../support/door.ts";

const PARKED = { state: "unknown", open: null, maybe_sent: 2, losses: 1, looks: 3, attempts: 1 } as const;

async function parked(change: object = {}) {
  const door = await openDoor();
  const tenant = await door.tenant();
  const { id } = (await tenant.post()).body;
  await door.setJob(id, { ...PARKED, ...change });
  const resolve = (body: unknown, key = tenant.key) =>
    door.call("POST", `/v1/jobs/${id}/resolve`, { key, body });
  return { door, tenant, id, resolve };
}

const messagesOf = async (door: Door) => {
  await door.settled();
  return door.messages.splice(0);
};

describe("POST /v1/jobs/{id}/resolve", () => {
  test("with the tweet that was found ends the job with it", async () => {
    const { resolve } = await parked();
    expect(await resolve({ outcome: "posted", tweet_id: "1900000000000000001" })).toMatchObject({
      status: 200,
      body: {
        state: "succeeded",
        result: { tweet_id: "1900000000000000001", url: "https://x.com/i/web/status/1900000000000000001" },
        error: null,
      },
    });
  });

  test("tells of the end at once", async () => {
    const { door, tenant, resolve } = await parked();
    const body = { url: "https://hooks.shop.com/x", events: ["job.succeeded"] };
    await door.call("POST", "/v1/webhook-endpoints", { key: tenant.key, body });
    await messagesOf(door);
    await resolve({ outcome: "posted", tweet_id: "1900000000000000001" });
    const lanes = (await messagesOf(door)).map(({ lane }) => lane);
    expect(lanes.filter((lane) => lane.startsWith("webhook:"))).toHaveLength(1);
  });

  test("with a no queues the job anew, and wakes its lane", async () => {
    const { door, tenant, id, resolve } = await parked();
    await messagesOf(door);
    await door.setLane(`tweets:${tenant.account_id}`, null);
    expect(await resolve({ outcome: "not_posted" })).toMatchObject({
      status: 200,
      body: { state: "queued", attempts: 0 },
    });
    expect(await messagesOf(door)).toEqual([{ lane: `tweets:${tenant.account_id}`, delay_s: 0 }]);
    expect(await door.row(id, "jobs")).toMatchObject({ open: 1, maybe_sent: 0, losses: 0, looks: 0 });
  });

  test("gives a job whose time had passed a week more", async () => {
    const { door, id, resolve } = await parked({ expires_at: 1 });
    await resolve({ outcome: "not_posted" });
    expect(await door.row(id, "jobs")).toMatchObject({ expires_at: door.now() + 7 * 86_400_000 });
  });

  test.each([
    ["is still looked for", { open: 1 }],
    ["has succeeded", { state: "succeeded", finished_at: 1, maybe_sent: 0 }],
    ["waits", { state: "waiting", open: 1, maybe_sent: 0 }],
  ])("of a job that %s is a 409, and changes nothing", async (_, change) => {
    const { door, id, resolve } = await parked(change);
    const before = await door.row(id, "jobs");
    for (const body of [{ outcome: "not_posted" }, { outcome: "posted", tweet_id: "1" }])
      expect(await resolve(body)).toMatchObject({ status: 409, body: { code: "not_parked" } });
    expect(await door.row(id, "jobs")).toEqual(before);
  });

  test("once is enough: the second word is a 409", async () => {
    const { resolve } = await parked();
    await resolve({ outcome: "posted", tweet_id: "1" });
    expect((await resolve({ outcome: "not_posted" })).status).toBe(409);
  });

  test.each([
    [{}, "/outcome"],
    [{ outcome: "maybe" }, "/outcome"],
    [{ outcome: "posted" }, "/tweet_id"],
    [{ outcome: "posted", tweet_id: "x" }, "/tweet_id"],
    [{ outcome: "not_posted", tweet_id: "1" }, "/tweet_id"],
  ])("refuses %j", async (body, pointer) => {
    const { resolve } = await parked();
    const answer = await resolve(body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map((error) => error.pointer)).toContain(pointer);
  });

  test("of another client's job is a 404", async () => {
    const { door, resolve } = await parked();
    const other = await door.client();
    expect((await resolve({ outcome: "not_posted" }, other.key)).status).toBe(404);
  });

  test("of a kind that nothing can be found for is a 409", async () => {
    const { id, resolve } = await parked();
    await env.DB.prepare("UPDATE jobs SET kind = 'tweet.delete' WHERE id = ?").bind(id).run();
    expect((await resolve({ outcome: "not_posted" })).status).toBe(409);
  });
});
