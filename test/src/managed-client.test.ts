import { expect, test } from "vitest";
import type { Caller } from "../../src/auth.ts";
import { findClient, manages } from "../../src/managed-client.ts";
import { openDoor } from "../support/door.ts";

const caller = (client_id: string | null): Caller => ({
  key_id: "key_1",
  session_id: null,
  client_id,
  scopes: ["admin"],
  account_ids: null,
});

test("the admin key manages every client, a client's key that client alone", () => {
  expect(manages(caller(null), "cli_1")).toBe(true);
  expect(manages(caller("cli_1"), "cli_1")).toBe(true);
  expect(manages(caller("cli_2"), "cli_1")).toBe(false);
});

test("a client is found with its database by those who manage it, and by nobody else", async () => {
  const door = await openDoor();
  const { id } = await door.client({ shard: "1" });
  for (const by of [caller(null), caller(id)]) {
    const { client, db } = await findClient(door.app, by, id);
    expect(client.id).toBe(id);
    expect(db).toBe(door.env.DB_1);
  }
  const refused = async (by: Caller, wanted: string) =>
    findClient(door.app, by, wanted).catch((error: unknown) => error);
  expect(await refused(caller("cli_2"), id)).toMatchObject({ code: "not_found" });
  expect(await refused(caller(null), "cli_01KAB3C4D5V1StGXR8Z5jd0")).toMatchObject({ code: "not_found" });
  expect(await refused(caller(null), "cli_01KAB3C4D5V1StGXR8Z5jdz")).toMatchObject({ code: "not_found" });
});
