import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { openDoor, type Door } from "../support/door.ts";

const refresh = (door: Door, key: string, id: string) =>
  door.call("POST", `/v1/accounts/${id}/refresh`, { key });

describe("POST /v1/accounts/{id}/refresh", () => {
  test("takes a job and wakes its lane", async () => {
    const door = await openDoor();
    const { key, account_id } = await door.tenant();
    const { status, headers, body } = await refresh(door, key, account_id);
    expect(status).toBe(202);
    expect(headers.get("location")).toBe(`/v1/jobs/${body.id}`);
    expect(body).toMatchObject({ kind: "token.refresh", state: "queued", account_id });
    await door.settled();
    expect(door.messages).toEqual([{ lane: `refresh:${account_id}`, delay_s: 0 }]);
  });

  test("only tried says that it could be, and takes nothing", async () => {
    const door = await openDoor();
    const { key, account_id } = await door.tenant();
    const path = `/v1/accounts/${account_id}/refresh?dry_run=true`;
    const answer = await door.call("POST", path, { key });
    expect(answer).toMatchObject({
      status: 200,
      body: { dry_run: true, kind: "token.refresh", cost: { estimated: 0 } },
    });
    await door.settled();
    expect(door.messages).toEqual([]);
    expect((await env.DB.prepare("SELECT 1 FROM jobs").all()).results).toEqual([]);
    await env.DB.prepare("UPDATE accounts SET refresh_at = NULL").run();
    expect((await door.call("POST", path, { key })).status).toBe(409);
  });

  test("finds the same job when it is asked again", async () => {
    const door = await openDoor();
    const { key, account_id } = await door.tenant();
    const first = await refresh(door, key, account_id);
    door.advance(5000);
    expect((await refresh(door, key, account_id)).body.id).toBe(first.body.id);
  });

  test.each([
    ["must be connected again", "UPDATE accounts SET state = 'reconnect_required'", "reconnect_required"],
    ["was disconnected", "UPDATE accounts SET state = 'disconnected'", "account_disconnected"],
    ["has nothing to refresh with", "UPDATE accounts SET refresh_at = NULL", "not_refreshable"],
  ])("of an account that %s is a 409", async (_, sql, code) => {
    const door = await openDoor();
    const { key, account_id } = await door.tenant();
    await env.DB.prepare(sql).run();
    expect(await refresh(door, key, account_id)).toMatchObject({ status: 409, body: { code } });
  });

  test("of another client's account, or one that the key does not reach, is a 404", async () => {
    const door = await openDoor();
    const { account_id } = await door.tenant();
    const other = await door.tenant();
    expect((await refresh(door, other.key, account_id)).status).toBe(404);
    const narrow = await door.key(other.id, { account_ids: ["acc_01KAB3C4D5V1StGXR8Z5jd0"] });
    expect((await refresh(door, narrow, other.account_id)).status).toBe(404);
  });

  test("needs accounts:write", async () => {
    const door = await openDoor();
    const { id, account_id } = await door.tenant();
    const key = await door.key(id, { scopes: ["accounts:read", "jobs:write"] });
    expect((await refresh(door, key, account_id)).status).toBe(403);
  });
});

test("refreshes are not listed among a client's jobs unless they are asked for", async () => {
  const door = await openDoor();
  const { key, account_id } = await door.tenant();
  const { body } = await refresh(door, key, account_id);
  const list = async (query: string) =>
    (await door.call("GET", `/v1/jobs${query}`, { key })).body.data.map(({ id }) => id);
  expect(await list("")).toEqual([]);
  expect(await list("?kind=token.refresh")).toEqual([body.id]);
});
