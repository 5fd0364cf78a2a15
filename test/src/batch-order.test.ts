import { expect, test } from "vitest";
import { checkingInto } from "../../src/batch-check.ts";
import { orderOf } from "../../src/batch-order.ts";
import { newId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import { openDoor, type Door } from "../support/door.ts";
import { file } from "../support/files.ts";
import { putMedium } from "../support/medium.ts";

const head = { id: "bat_01KAB3C4D5V1StGXR8Z5jd0", created_at: 1, key: null };
const callerOf = (client_id: string, account_ids: string[] | null = null) => ({
  key_id: "key_1",
  session_id: null,
  client_id,
  scopes: [],
  account_ids,
});

async function order(
  door: Door,
  client_id: string,
  items: object[],
  how: { atomic?: boolean; reach?: string[] } = {},
) {
  const checking = checkingInto(door.app, door.now());
  checking.begin(how.atomic === undefined ? {} : { atomic: how.atomic });
  for (const item of items) checking.item({ text: "a", ...item });
  return orderOf(door.app, callerOf(client_id, how.reach ?? null), checking.checked, head);
}

const codes = (rejections: string): string[] =>
  (JSON.parse(rejections) as { index: number; errors: { code: string }[] }[]).map(
    ({ index, errors }) => `${index} ${errors[0]?.code ?? ""}`,
  );

test("items of accounts that cannot be used are rejected, each with why, in order", async () => {
  const door = await openDoor();
  const [mine, theirs] = [await door.tenant(), await door.tenant()];
  const gone = await door.account(mine.id, { shard: "1" });
  await door.env.DB_1?.prepare("UPDATE accounts SET state = 'disconnected'").run();
  const ids = [mine.account_id, theirs.account_id, gone, newId("acc", "z", door.now()), "no id"];
  const made = await order(
    door,
    mine.id,
    ids.map((account_id) => ({ account_id })),
  );
  expect(made.items.map(({ index }) => index)).toEqual([0]);
  expect(made.rejected).toBe(4);
  expect(codes(made.rejections)).toEqual(
    ["1 not_found", "2 account_disconnected", "3 not_found", "4 custom"].map((one) =>
      one.replace("custom", "invalid"),
    ),
  );
});

test("items whose media are not there are rejected, each with where", async () => {
  const door = await openDoor();
  const { id, account_id } = await door.tenant();
  const good = await putMedium(file("image/png"), { client_id: id, account_id, now: door.now() });
  const none = "med_01KAB3C4D5V1StGXR8Z5jd0";
  const made = await order(door, id, [
    { account_id, media: [good] },
    { account_id, media: ["1", none] },
    { account_id, text: "" },
  ]);
  expect(made.items.map(({ index }) => index)).toEqual([0]);
  expect(JSON.parse(made.rejections)).toMatchObject([
    { index: 1, errors: [{ pointer: "/media/1", code: "not_found" }] },
    { index: 2 },
  ]);
});

test("a key reaches its accounts alone", async () => {
  const door = await openDoor();
  const { id, account_id } = await door.tenant();
  const second = await door.account(id);
  const made = await order(door, id, [{ account_id }, { account_id: second }], { reach: [second] });
  expect(codes(made.rejections)).toEqual(["0 not_granted"]);
});

test("what is kept of very many rejections fits into a row", async () => {
  const door = await openDoor();
  const { id, account_id } = await door.tenant();
  const bad = { account_id, text: "", order: "x" };
  const made = await order(door, id, [{ account_id }, ...Array.from({ length: 9_999 }, () => bad)]);
  expect(made.rejected).toBe(9_999);
  expect(made.rejections.length).toBeLessThan(1_000_000);
  expect(codes(made.rejections).length).toBeGreaterThan(3_000);
});

test("nothing good, or not all of an atomic batch, is refused with everything that is wrong", async () => {
  const door = await openDoor();
  const { id, account_id } = await door.tenant();
  const refusal = async (...args: [object[], { atomic?: boolean }?]) => {
    const error = await order(door, id, ...args).catch((thrown: unknown) => thrown as Problem);
    return error instanceof Problem ? error.extra.errors?.map(({ pointer }) => pointer) : null;
  };
  expect(await refusal([{}, { account_id: "x" }])).toEqual(["/items/0/account_id", "/items/1/account_id"]);
  expect(await refusal([{ account_id }, {}], { atomic: true })).toEqual(["/items/1/account_id"]);
  expect(await refusal([{ account_id }, {}], { atomic: false })).toBeNull();
});
