import { expect, test } from "vitest";
import { openDoor } from "../support/door.ts";

async function paused() {
  const door = await openDoor();
  const tenant = await door.tenant();
  const act = (what: "pause" | "resume") =>
    door.call("POST", `/v1/accounts/${tenant.account_id}/${what}`, { key: tenant.key });
  const gate = async (): Promise<string | null> => {
    const named = door.env.DB.prepare("SELECT reason FROM gates WHERE name = ?");
    const row = await named.bind(`account:${tenant.account_id}`).first<{ reason: string }>();
    return row?.reason ?? null;
  };
  return { door, tenant, act, gate };
}

test("a paused account says so, and its jobs say what they wait for", async () => {
  const { door, tenant, act } = await paused();
  expect((await act("pause")).body.paused_at).toBe(new Date(door.now()).toISOString());
  door.advance(1000);
  await act("pause");
  const { body } = await tenant.post();
  const job = await door.call("GET", `/v1/jobs/${body.id}`, { key: tenant.key });
  expect(job.body.blocked_on).toMatchObject({ reason: "paused", until: null });
  const listed = await door.call("GET", "/v1/accounts", { key: tenant.key });
  expect(listed.body.data[0]?.paused_at).toBe(new Date(door.now() - 1000).toISOString());
});

test("a resumed account's lanes are woken", async () => {
  const { door, tenant, act, gate } = await paused();
  await act("pause");
  await tenant.post();
  await door.setLane(`tweets:${tenant.account_id}`, door.now() + 1e9);
  await door.settled();
  door.messages.length = 0;
  expect((await act("resume")).body.paused_at).toBeNull();
  await door.settled();
  expect(await gate()).toBeNull();
  expect(door.messages).toEqual([{ lane: `tweets:${tenant.account_id}`, delay_s: 0 }]);
});

test.each(["reconnect", "disconnected"])("a gate that is shut for %s stays so", async (reason) => {
  const { door, tenant, act, gate } = await paused();
  await door.closeGate(tenant.account_id, `account:${tenant.account_id}`, reason, 9e15);
  await act("pause");
  expect(await gate()).toBe(reason);
  await act("resume");
  expect(await gate()).toBe(reason);
});

test("a pause outlives what else shuts the gate for a while", async () => {
  const { door, tenant, act, gate } = await paused();
  await door.closeGate(tenant.account_id, `account:${tenant.account_id}`, "refreshing", door.now() + 1000);
  await act("pause");
  expect(await gate()).toBe("paused");
});

test("both are noted, once", async () => {
  const { door, act } = await paused();
  for (const what of ["pause", "pause", "resume", "resume"] as const) await act(what);
  const { results } = await door.env.DB.prepare("SELECT action FROM audit ORDER BY id").all<{
    action: string;
  }>();
  expect(results.map(({ action }) => action).sort()).toEqual(["account.paused", "account.resumed"]);
});
