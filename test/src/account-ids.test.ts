import { expect, test } from "vitest";
import { accountErrors, accountIds } from "../../src/account-ids.ts";
import { openDoor } from "../support/door.ts";

const GOOD = "acc_01KAB3C4D5V1StGXR8Z5jd0";

test.each([
  [[], true],
  [[GOOD, GOOD], true],
  [[GOOD, GOOD, GOOD], false],
  [["key_01KAB3C4D5V1StGXR8Z5jd0"], false],
  [["acc_1"], false],
  [GOOD, false],
])("%j is a list of at most two accounts: %s", (given, is) => {
  expect(accountIds(2).safeParse(given).success).toBe(is);
});

test("an account beyond a key's reach is told apart only from those within it", async () => {
  const door = await openDoor();
  const { id, account_id } = await door.tenant({ shard: "1" });
  const theirs = await door.tenant();
  const ids = [account_id, theirs.account_id, GOOD];
  const found = async (reach: string[] | null) =>
    (await accountErrors(door.app, id, ids, reach)).map(({ pointer, code }) => `${pointer} ${code}`);
  expect(await found(null)).toEqual(["/account_ids/1 not_found", "/account_ids/2 not_found"]);
  expect(await found([account_id])).toEqual(["/account_ids/1 not_granted", "/account_ids/2 not_granted"]);
  expect(await found([GOOD])).toEqual([
    "/account_ids/0 not_granted",
    "/account_ids/1 not_granted",
    "/account_ids/2 not_found",
  ]);
});
