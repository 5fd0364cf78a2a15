import { describe, expect, test } from "vitest";
import { openDoor } from "../support/door.ts";

const DAY = 86_400_000;
const OWNED_READ = 1_000;

/** An account that has posted three tweets, and a way to read and cap it. */
async function opened(shard: "0" | "1" = "0") {
  const door = await openDoor();
  const { id: client_id, key } = await door.client();
  const account = await door.xAccount(client_id, { shard });
  for (let i = 0; i < 3; i++)
    await door.x.fetch(
      new Request("https://x.test/2/tweets", {
        method: "POST",
        headers: { authorization: `Bearer ${account.access_token}`, "content-type": "application/json" },
        body: JSON.stringify({ text: `tweet ${i}` }),
      }),
    );
  door.advance(10_000);
  const before = door.x.calls().total;
  const read = async () => {
    const answer = await door.call("GET", `/v1/accounts/${account.id}/tweets?max_results=10`, { key });
    await door.settled();
    door.advance(5_000);
    return answer;
  };
  const cap = (daily_cap_micro_usd: number | null) =>
    door.call("PATCH", `/v1/accounts/${account.id}`, { key, body: { daily_cap_micro_usd } });
  const capClient = async (daily_cap_micro_usd: number) =>
    door.call("PATCH", `/v1/clients/${client_id}`, {
      key: await door.key(client_id, { scopes: ["admin"] }),
      body: { daily_cap_micro_usd },
    });
  const usage = async () => (await door.call("GET", "/v1/usage", { key })).body.data;
  return { door, account, read, cap, capClient, usage, asked: () => door.x.calls().total - before };
}

describe("a read", () => {
  test("is counted in usage, by what X returned; one that is answered from memory is not", async () => {
    const { door, read, usage } = await opened();
    await read();
    expect(await usage()).toMatchObject([{ reads: 3, cost_micro_usd: 3 * OWNED_READ }]);
    const { results } = await door.env.DB.prepare("SELECT counts FROM tallies WHERE name = 'producer'").all();
    const counts = JSON.parse((results[0]?.counts as string | undefined) ?? "{}") as Record<string, number>;
    expect(counts[`spend|${door.now() - (door.now() % DAY)}`]).toBe(3 * OWNED_READ);
    door.advance(-5_000);
    await read();
    expect(await usage()).toMatchObject([{ reads: 3 }]);
  });

  test("needs as much of a cap as it may return, and takes as much as it did", async () => {
    const { read, cap, asked, usage } = await opened();
    await cap(15 * OWNED_READ);
    expect((await read()).status).toBe(200);
    expect((await read()).status).toBe(200);
    const refused = await read();
    expect(refused).toMatchObject({ status: 429, body: { code: "spend_cap" } });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(11 * 3600);
    expect(asked()).toBe(2);
    expect(await usage()).toMatchObject([{ cost_micro_usd: 6 * OWNED_READ }]);
  });

  test("goes on when the cap is raised, or taken away, or the day is over", async () => {
    const { door, read, cap } = await opened();
    await cap(0);
    expect((await read()).status).toBe(429);
    await cap(10 * OWNED_READ);
    expect((await read()).status).toBe(200);
    expect((await read()).status).toBe(429);
    await cap(null);
    expect((await read()).status).toBe(200);
    await cap(12 * OWNED_READ);
    expect((await read()).status).toBe(429);
    door.advance(DAY);
    await door.env.DB.prepare("UPDATE accounts SET token_expires_at = NULL").run();
    expect((await read()).body.code).not.toBe("spend_cap");
  });

  test("that X refuses costs nothing", async () => {
    const { door, account, read, cap, usage } = await opened();
    await cap(10 * OWNED_READ);
    const match = { path: `/2/users/${account.user.id}/tweets` };
    door.x.setFaults([{ match, times: 1, fault: { kind: "error", status: 403 } }]);
    expect((await read()).status).toBe(403);
    expect((await read()).status).toBe(200);
    expect(await usage()).toMatchObject([{ reads: 3 }]);
  });

  test("keeps what it may have cost when its answer was lost", async () => {
    const { door, account, read, cap } = await opened();
    await cap(10 * OWNED_READ);
    const match = { path: `/2/users/${account.user.id}/tweets` };
    door.x.setFaults([{ match, times: 1, fault: { kind: "drop", when: "after" } }]);
    expect((await read()).status).toBeGreaterThanOrEqual(500);
    expect((await read()).body.code).toBe("spend_cap");
  });

  test("borrows of its client's cap from the client's own database", async () => {
    const { read, capClient } = await opened("1");
    await capClient(14 * OWNED_READ);
    expect((await read()).status).toBe(200);
    expect((await read()).status).toBe(200);
    expect((await read()).body.code).toBe("spend_cap");
  });
});
