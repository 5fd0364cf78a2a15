import { expect, test } from "vitest";
import type { Caller } from "../../src/auth.ts";
import { checkUrl, mustReach } from "../../src/managed-endpoint.ts";
import { openDoor } from "../support/door.ts";

const caller = (account_ids: string[] | null): Caller => ({
  key_id: "key_1",
  session_id: null,
  client_id: "cli_1",
  scopes: [],
  account_ids,
});

test.each<[string[] | null, string[] | null, boolean]>([
  [null, null, true],
  [null, ["acc_1"], true],
  [["acc_1"], ["acc_1"], true],
  [["acc_1"], ["acc_1", "acc_2"], false],
  [["acc_1"], null, false],
])("a key of %j reaches %j: %s", (own, asked, may) => {
  const reach = () => {
    mustReach(caller(own), asked);
  };
  if (may) expect(reach).not.toThrow();
  else expect(reach).toThrow("insufficient_scope");
});

test("an address is brought to one form, or refused with its reason at its place", async () => {
  const { app } = await openDoor();
  expect(checkUrl(app, "/url", null)).toBeNull();
  expect(checkUrl(app, "/url", "https://Shop.com:443/x#y")).toBe("https://shop.com/x");
  expect(() => checkUrl(app, "/url", "https://10.1/")).toThrow("invalid");
});
