import { expect, test } from "vitest";
import { openDoor } from "../support/door.ts";
test("leak must fail", async () => {
  const door = await openDoor();
  const { key } = await door.client();
  door.app.log("x.y", { key });
  expect(key).toBeDefined();
});
