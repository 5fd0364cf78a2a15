import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import * as endpoints from "#core/store/endpoints";
import type { EndpointRow } from "#core/store/endpoints";
import { all, first } from "#core/store/sql";
import { DAY_MS } from "#core/lib/clock";
import { disableEndpoint, endpointGate, noteHealth } from "#core/webhooks/endpoint-health";
import { createHarness } from "../../support/harness.ts";

const types = async (db = env.DB) =>
  (await all<{ type: string }>(db.prepare("SELECT type FROM events ORDER BY id"))).map(({ type }) => type);

/** An endpoint, and what becomes of it when it fails or gets through at that age of its failing. */
async function after(days: number | null, well: boolean, more: Partial<EndpointRow> = {}) {
  const h = await createHarness();
  const failing_since = days === null ? null : h.now() - days * DAY_MS - 1;
  const warned_at = days === 5 ? h.now() - DAY_MS - 1 : null;
  const row = await h.endpoint(["job.*"], { failing_since, warned_at, ...more });
  const note = () => noteHealth(h.consumer, env.DB, row, well);
  await note();
  await note();
  return { h, row: await first<EndpointRow>(endpoints.find(env.DB, row.client_id, row.id)) };
}

test.each<[string, number | null, boolean, Partial<EndpointRow>, string[]]>([
  ["well, and all is well", null, true, { failing_since: null }, []],
  ["well again", 2, true, { failing_since: null, warned_at: null }, []],
  ["failing for the first time", null, false, { failing_since: expect.any(Number) as number }, []],
  ["failing for less than a day", 0.5, false, { state: "enabled", warned_at: null }, []],
  [
    "failing for a day",
    1,
    false,
    { state: "enabled", warned_at: expect.any(Number) as number },
    ["endpoint.failing"],
  ],
  [
    "failing for five days, and warned a day ago",
    5,
    false,
    { state: "disabled", disabled_reason: "failing" },
    ["endpoint.disabled"],
  ],
  [
    "failing for six days without a warning, for it was seldom sent anything",
    6,
    false,
    { state: "enabled", warned_at: expect.any(Number) as number },
    ["endpoint.failing"],
  ],
])("%s", async (_, days, well, becomes, told) => {
  const { row } = await after(days, well);
  expect(row).toMatchObject(becomes);
  expect(await types()).toEqual(told);
});

test("one that is disabled is so on every database, behind its gate, and told once", async () => {
  const h = await createHarness({ sharded: true });
  const row = await h.endpoint(["job.*"]);
  await disableEndpoint(h.consumer, row, "gone");
  await disableEndpoint(h.consumer, row, "gone");
  for (const db of [env.DB, env.DB_1]) {
    expect(await first(endpoints.find(db, row.client_id, row.id))).toMatchObject({ state: "disabled" });
    const gate = db.prepare("SELECT reason FROM gates WHERE name = ?").bind(endpointGate(row));
    expect(await gate.first()).toEqual({ reason: "endpoint_disabled" });
  }
  expect([await types(), await types(env.DB_1)]).toEqual([["endpoint.disabled"], []]);
});

test("who disables it is not told of it", async () => {
  const h = await createHarness();
  await disableEndpoint(h.consumer, await h.endpoint(["*"]), "asked");
  expect(await types()).toEqual([]);
});
