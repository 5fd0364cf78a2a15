import { expect, test } from "vitest";
import { heard, tell } from "#core/jobs/tell";
import { randomText } from "#core/lib/ids";
import { createHarness } from "../../support/harness.ts";

test("a lane is woken once for each time that it had something to do", async () => {
  const h = await createHarness();
  const lane = `webhook:cli_1:whe_${randomText(12)}/3:0`;
  await tell(h.consumer, [{ lane, next_at: 1 }]);
  await tell(h.consumer, [{ lane, next_at: 1 }]);
  expect(h.messages.map((message) => message.lane)).toEqual([lane]);
  await tell(h.consumer, [{ lane, next_at: 2 }]);
  expect(h.messages).toHaveLength(2);
  heard([lane]);
  await tell(h.consumer, [{ lane, next_at: 2 }]);
  expect(h.messages).toHaveLength(3);
});

test("a lane that has something to do later is woken then", async () => {
  const h = await createHarness();
  const lane = `webhook:cli_1:whe_${randomText(12)}/3:0`;
  await tell(h.consumer, [{ lane, next_at: h.now() + 900_000, wait_ms: 900_000 }]);
  expect(h.messages).toEqual([{ lane, at: h.now() + 900_000 }]);
});
