import { expect, test } from "vitest";
import { tellAll } from "../../src/tell-all.ts";
import { openDoor } from "../support/door.ts";

test("lanes of a client's deliveries that have something to do are woken on every database, and no others", async () => {
  const door = await openDoor();
  const [mine, theirs] = [await door.tenant(), await door.tenant()];
  const lane = (client: string, at: string) => `webhook:${client}:whe_1/3:${at}`;
  const put = (db: D1Database | undefined, name: string, next_at: number) =>
    db
      ?.prepare(
        "INSERT INTO lanes (lane, client_id, account_id, app_id, gates, next_at) VALUES (?, '', '', '', '[]', ?)",
      )
      .bind(name, next_at)
      .run();
  await put(door.env.DB, lane(mine.id, "0"), door.now());
  await put(door.env.DB_1, lane(mine.id, "1"), door.now());
  await put(door.env.DB, `${lane(mine.id, "0")}0`, door.now() + 1);
  await put(door.env.DB, lane(theirs.id, "0"), door.now());
  await tellAll(door.app, mine.id);
  expect(door.messages.map((message) => message.lane)).toEqual([lane(mine.id, "0"), lane(mine.id, "1")]);
});
