import { expect, test } from "vitest";
import { openRing } from "#core/lib/seal";
import { liveSecrets, OVERLAP_MS, secretPlace } from "#core/webhooks/secrets";
import { TEST_RING } from "../../support/harness.ts";

const NOW = 1_800_000_000_000;
const ring = await openRing(TEST_RING, "WEBHOOK_KEYS");
const seal = (secret: string) => ring.seal(secret, secretPlace("whe_1"));

test("the old secret signs for a day, behind the new one", async () => {
  const sealed = {
    secret: await seal("new"),
    old_secret: await seal("old"),
    old_secret_until: NOW + OVERLAP_MS,
  };
  expect(await liveSecrets(ring, "whe_1", sealed, NOW)).toEqual(["new", "old"]);
  expect(await liveSecrets(ring, "whe_1", sealed, NOW + OVERLAP_MS)).toEqual(["new"]);
});

test("a secret does not open at another endpoint", async () => {
  const sealed = { secret: await seal("s"), old_secret: null, old_secret_until: null };
  await expect(liveSecrets(ring, "whe_2", sealed, NOW)).rejects.toThrow("WEBHOOK_KEYS");
});
