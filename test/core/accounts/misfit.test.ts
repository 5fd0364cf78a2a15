import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { appPlace } from "#core/accounts/apps";
import { misfits } from "#core/accounts/misfit";
import { pairPlace } from "#core/accounts/tokens";
import { base64url } from "#core/lib/bytes";
import { openRing } from "#core/lib/seal";
import { strict } from "../../support/database.ts";
import { accountRow, empty, NOW, put } from "../../support/rows.ts";

const db = strict(env.DB);
const keyOf = (byte: number) => base64url(new Uint8Array(32).fill(byte));
const ringOf = (...entries: string[]) => openRing(entries.join(), "TOKEN_KEYS");
const [A, B, C] = [`a:${keyOf(1)}`, `b:${keyOf(2)}`, `c:${keyOf(3)}`] as const;

beforeEach(() => empty(env.DB));

async function putAccount(id: string, entry: string): Promise<void> {
  const token = await (await ringOf(entry)).seal("pair", pairPlace(id, 1));
  await put(env.DB, "accounts", accountRow({ id, token }));
}

async function putApp(id: string, entry: string): Promise<void> {
  const secret = await (await ringOf(entry)).seal("secret", appPlace(id));
  await put(env.DB, "apps", { id, client_id: "cli_1", name: "", x_client_id: "x", secret, created_at: NOW });
}

test("a ring fits an empty database, and one whose ends it opens", async () => {
  expect(await misfits(db, "tokens", await ringOf(A))).toEqual([]);
  await putAccount("acc_1", A);
  await putAccount("acc_2", B);
  await putApp("app_1", A);
  expect(await misfits(db, "tokens", await ringOf(B, A))).toEqual([]);
});

test.each([
  ["the eldest account's", () => putAccount("acc_0", C)],
  ["the youngest account's", () => putAccount("acc_9", C)],
  ["the eldest app's", () => putApp("app_0", C)],
  ["the youngest app's", () => putApp("app_9", C)],
])("a ring without %s key does not fit, and the key is named", async (_, putOne) => {
  await putAccount("acc_1", A);
  await putApp("app_1", A);
  await putOne();
  expect(await misfits(db, "tokens", await ringOf(A))).toEqual([
    'TOKEN_KEYS lacks the key "c" that sealed this',
  ]);
});

test("each missing key is named once", async () => {
  for (const id of ["acc_1", "acc_2"]) await putAccount(id, A);
  for (const id of ["app_1", "app_2"]) await putApp(id, B);
  expect(await misfits(db, "tokens", await ringOf(C))).toEqual([
    'TOKEN_KEYS lacks the key "a" that sealed this',
    'TOKEN_KEYS lacks the key "b" that sealed this',
  ]);
});

test("a key that the ring calls lost is missed no more", async () => {
  await putAccount("acc_1", A);
  expect(await misfits(db, "tokens", await ringOf(B, "a:lost"))).toEqual([]);
});

test("disconnected accounts and public apps say nothing of the ring", async () => {
  await put(env.DB, "accounts", accountRow({ id: "acc_1", token: null, state: "disconnected" }));
  await put(env.DB, "apps", { id: "app_1", client_id: "c", x_client_id: "x", secret: null, created_at: NOW });
  expect(await misfits(db, "tokens", await ringOf(A))).toEqual([]);
});
