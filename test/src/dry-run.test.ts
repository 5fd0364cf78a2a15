import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { mistakes, openDoor, type Door } from "../support/door.ts";

let door: Door;
let tenant: Awaited<ReturnType<Door["tenant"]>>;

beforeEach(async () => {
  door = await openDoor();
  tenant = await door.tenant();
});

const jobs = async () => (await env.DB.prepare("SELECT * FROM jobs").all()).results.length;

describe("a dry run", () => {
  test("answers with warnings and price, and takes nothing", async () => {
    const text = `${"long ".repeat(60)} example.com`;
    const { status, body } = await tenant.post({ text, dry_run: true, run_at: "2026-11-24T12:00:00Z" });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      dry_run: true,
      kind: "tweet.create",
      account_id: tenant.account_id,
      run_at: "2026-11-24T12:00:00.000Z",
      cost: { estimated: 200_000, actual: 0 },
    });
    expect(body.warnings).toContainEqual(expect.objectContaining({ code: "needs_premium" }));
    expect(await jobs()).toBe(0);
    expect(door.messages).toEqual([]);
  });

  test("does not use up an idempotency key", async () => {
    await tenant.post({ dry_run: true }, { "idempotency-key": "once" });
    expect((await tenant.post({}, { "idempotency-key": "once" })).status).toBe(202);
  });

  test("finds every mistake that taking it would find", async () => {
    const { status, body } = await tenant.post({ text: "", dry_run: true, run_at: "2030-01-01T00:00:00Z" });
    expect(status).toBe(422);
    expect(mistakes(body)).toEqual(["/run_at too_far", "/text required"]);
  });

  test("of any kind says its price", async () => {
    const { account_id, key } = tenant;
    const params = { account_id, tweet_id: "12" };
    const body = { kind: "tweet.delete", params, dry_run: true };
    expect((await door.call("POST", "/v1/jobs", { key, body })).body.cost).toMatchObject({
      estimated: 10_000,
    });
  });

  test("of a deletion is asked for in the query", async () => {
    const path = `/v1/tweets/12?account_id=${tenant.account_id}&dry_run=true`;
    expect(await door.call("DELETE", path, { key: tenant.key })).toMatchObject({ status: 200 });
    expect(await jobs()).toBe(0);
  });

  test("for another's account finds none", async () => {
    const stranger = await door.tenant();
    const { status, body } = await tenant.post({ account_id: stranger.account_id, dry_run: true });
    expect([status, mistakes(body)]).toEqual([404, ["/account_id not_found"]]);
  });

  test("for a disconnected account says so", async () => {
    await env.DB.prepare("UPDATE accounts SET state = 'disconnected'").run();
    expect((await tenant.post({ dry_run: true })).body.code).toBe("account_disconnected");
  });
});

test("a job that is taken says what it will cost", async () => {
  expect((await tenant.post()).body.cost).toEqual({ estimated: 15_000, actual: 0 });
});
