import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { MINUTE_MS } from "#core/lib/clock";
import { first } from "#core/store/sql";
import { createMortal, type Death } from "../../support/mortal.ts";
import { meetX } from "../../support/refreshing.ts";

// A Worker that refreshes a token dies at each of its steps, before the step has its effect or after it.

type Reuse = "family_revoked" | "fresh_pair";

/** What there was when the Worker was dead, and what became of it. Null when it had fewer steps. */
async function stopped(death: Death, reuse: Reuse) {
  const kv = { put: (...all: Parameters<KVNamespace["put"]>) => mortal.step(() => env.TOKENS.put(...all)) };
  let mortal = createMortal(death);
  const met = await meetX({ kv: { ...kv, get: () => Promise.resolve(null) } as unknown as KVNamespace });
  const { h, x, account, grant } = met;
  let asked = 0;
  const askX = (request: Request) => {
    if (new URL(request.url).pathname === "/2/oauth2/token") asked++;
    return x.fetch(request);
  };
  x.setSettings({ reused_refresh_token: reuse });
  h.advance(96 * MINUTE_MS);
  await h.tick();

  h.wrapDatabase(mortal.database);
  h.answer((_, request) => mortal.step(() => askX(request)));
  const ended = await Promise.race([h.turn().then(() => "ended"), mortal.died.then(() => "died")]);
  const steps = mortal.steps();
  const { token_version } = await h.account_row(account);
  const window = grant().refreshes === 1 && token_version === 1;

  mortal = createMortal({ step: Infinity, when: "after" });
  h.wrapDatabase((db) => db);
  h.answer((_, request) => askX(request));
  await h.pass(10 * MINUTE_MS);
  const after = await h.account_row(account);
  const events = await first<{ count: number }>(env.DB.prepare("SELECT count(*) AS count FROM events"));
  const job = await h.post(account, "still here");
  await h.pass(MINUTE_MS);
  return {
    ended,
    steps,
    /** X had rotated the pair, and it was not stored. */
    window,
    state: after.state,
    version: after.token_version,
    events: events?.count,
    asked,
    tweet: (await h.job(job)).state,
  };
}

const whole = await stopped({ step: Infinity, when: "after" }, "family_revoked");
const deaths: Death[] = Array.from({ length: whole.steps }, (_, index) => index + 1).flatMap((step) => [
  { step, when: "before" },
  { step, when: "after" },
]);

test("a refresh that nobody stops asks X once and goes on", () => {
  expect(whole).toMatchObject({
    ended: "ended",
    state: "connected",
    version: 2,
    asked: 1,
    tweet: "succeeded",
  });
  // Take the lane and the job, read the account, ask X, store, read again, KV, the ending.
  expect(whole.steps).toBe(7);
});

describe.each(deaths)("a Worker that dies $when step $step", (death) => {
  test("loses the account only between X's answer and our store, where X kills the family: one more try, one event", async () => {
    const found = await stopped(death, "family_revoked");
    expect(found.ended).toBe("died");
    expect(found).toMatchObject(
      found.window
        ? { state: "reconnect_required", version: 1, events: 1, asked: 2, tweet: "queued" }
        : { state: "connected", version: 2, events: 0, asked: 1, tweet: "succeeded" },
    );
  });

  test("never loses it where X answers a repeated refresh token with a fresh pair", async () => {
    const found = await stopped(death, "fresh_pair");
    expect(found).toMatchObject({ state: "connected", version: 2, events: 0, tweet: "succeeded" });
    expect(found.asked).toBe(found.window ? 2 : 1);
  });
});

test("of all the places where it can die, two lie between X's answer and our store", async () => {
  const found = [];
  for (const death of deaths) found.push((await stopped(death, "family_revoked")).window);
  expect(found.filter(Boolean)).toHaveLength(2);
});
