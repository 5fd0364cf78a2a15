import { expect, test } from "vitest";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import { awaitRefresh } from "../../src/await-refresh.ts";
import { openDoor } from "../support/door.ts";

async function waiting() {
  const door = await openDoor();
  const { account_id } = await door.tenant();
  const row = await accounts.find(door.env.DB, account_id).first<AccountRow>();
  if (!row) throw new Error("no account");
  return { door, row, wait: () => awaitRefresh(door.app, door.env.DB, row) };
}

test("asks for the job that everybody asks for, and has the account once its token has moved", async () => {
  const { door, row, wait } = await waiting();
  door.whileAsleep(async () => {
    await door.env.DB.prepare("UPDATE accounts SET token_version = 2").run();
  });
  expect((await wait()).token_version).toBe(2);
  expect(door.sleeps).toEqual([200]);
  const { results } = await door.env.DB.prepare("SELECT kind, lane FROM jobs").all();
  expect(results).toEqual([{ kind: "token.refresh", lane: `refresh:${row.id}` }]);
});

test("gives up after ten seconds", async () => {
  const { door, wait } = await waiting();
  await expect(wait()).rejects.toMatchObject({ code: "unavailable" });
  expect(door.sleeps).toHaveLength(50);
});

test("ends at once when the grant is dead", async () => {
  const { door, wait } = await waiting();
  await door.env.DB.prepare("UPDATE accounts SET state = 'reconnect_required'").run();
  await expect(wait()).rejects.toMatchObject({ code: "reconnect_required" });
});
