import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { webhookDeliver } from "#core/jobs/kinds/webhook-deliver";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "#core/lib/clock";
import type { JobRow } from "#core/store/jobs";
import { all } from "#core/store/sql";
import { endpointGate } from "#core/webhooks/endpoint-health";
import { createHarness, tweeted, type Harness } from "../../support/harness.ts";

// What a receiver of webhooks costs while it is down, and what becomes of what waits for it.

const deliveries = () =>
  all<JobRow>(env.DB.prepare("SELECT * FROM jobs WHERE kind = 'webhook.deliver' ORDER BY id"));
const waitingLanes = async () =>
  (
    await all<{ lane: string }>(
      env.DB.prepare("SELECT lane FROM lanes WHERE lane GLOB 'webhook:*' AND next_at > 0"),
    )
  ).length;

/** The wake-ups of deliveries' lanes from now on: when each comes. */
function listen(h: Harness): number[] {
  const wakes: number[] = [];
  const push = h.messages.push.bind(h.messages);
  h.messages.push = (...more) => {
    wakes.push(...more.filter(({ lane }) => lane.startsWith("webhook:")).map(({ at }) => at));
    return push(...more);
  };
  return wakes;
}

/** Let almost a day go by, half an hour at a time. */
async function days(h: Harness): Promise<void> {
  for (let round = 0; round < 44; round++) {
    h.advance(HOUR_MS / 2);
    await h.tick();
    await h.pass(SECOND_MS);
  }
}

const DOWN = () => new Response(null, { status: 503 });
const WELL = () => new Response(null, { status: 204 });

/** An endpoint that has just been found to be down, with so many events on its lanes. */
async function down(events: number) {
  const h = await createHarness({ concurrency: 6 });
  const row = await h.endpoint(["job.*"]);
  const account = await h.account({ expires_in_ms: 30 * DAY_MS });
  const post = async (count: number) => {
    for (let i = 0; i < count; i++) await h.post(account, "x");
  };
  h.receiver.answer(DOWN);
  await post(events);
  await h.pass(20 * SECOND_MS);
  const gate = async () => {
    const found = await h.gate(endpointGate(row));
    if (!found) throw new Error("nothing was heard of it");
    return found;
  };
  expect(await gate()).toMatchObject({ faults: 10 });
  const posts = () => h.receiver.posts;
  return { h, row, account, post, gate, posts };
}

/** How often it was tried since, and by when a wake-up came. */
const since = ({ posts }: Awaited<ReturnType<typeof down>>, at: number) =>
  posts().flatMap((post) => (post.at > at ? [post.at] : []));

describe("an endpoint that is down for hours", () => {
  test("costs one wake-up a probe, whatever waits for it and comes meanwhile", async () => {
    const met = await down(100);
    const { h, post } = met;
    expect(await waitingLanes()).toBeGreaterThan(10);
    const from = h.now();
    const wakes = [(await met.gate()).open_at];
    const more = listen(h);
    for (let round = 0; round < 12; round++) {
      await post(5);
      await h.pass(10 * MINUTE_MS);
    }
    const probes = since(met, from);
    // 30 s after it was shut, 1, 2, 4, 8 minutes, and every 15 from then on.
    expect(probes.length).toBeGreaterThan(9);
    const came = [...wakes, ...more].filter((at) => at <= h.now());
    expect(came).toEqual(probes);
  }, 60_000);

  test("gets all that waits once a probe gets through; what has failed keeps to its times, and nothing is lost", async () => {
    const met = await down(60);
    const { h, post } = met;
    for (let round = 0; round < 4; round++) {
      await post(10);
      await h.pass(10 * MINUTE_MS);
    }
    const untried = (await deliveries()).filter(({ attempts }) => attempts === 0);
    expect(untried.length).toBeGreaterThan(50);
    h.receiver.answer(WELL);
    await h.pass((await met.gate()).open_at - h.now() + 2 * SECOND_MS);
    const now = await deliveries();
    const states = new Set(untried.map(({ id }) => now.find((one) => one.id === id)?.state));
    expect(states).toEqual(new Set(["succeeded"]));
    await days(h);
    const ended = await deliveries();
    expect(ended).toHaveLength(100);
    expect(new Set(ended.map(({ state }) => state))).toEqual(new Set(["succeeded"]));
    const delays = webhookDeliver.backoff.delays_s ?? [];
    for (const tries of Map.groupBy(met.posts(), ({ headers }) => headers["webhook-id"]).values())
      for (const [index, { at }] of tries.slice(1).entries())
        expect(at - (tries[index]?.at ?? 0)).toBeGreaterThanOrEqual((delays[index] ?? 0) * SECOND_MS);
  }, 60_000);
});

describe("nobody is forgotten", () => {
  test("when the Worker that probes dies: another lane tries it within three minutes, woken once", async () => {
    const met = await down(100);
    const { h } = met;
    const [wake, ...others] = h.messages.splice(0);
    expect(others).toEqual([]);
    h.advance((wake?.at ?? 0) - h.now());
    const died = h.now();
    await h.crash(wake?.lane ?? "", "probing");
    expect(await met.gate()).toMatchObject({ probe: wake?.lane });
    const wakes = listen(h);
    await h.pass(died + 3 * MINUTE_MS - h.now());
    const probes = since(met, died);
    expect(probes.length).toBeGreaterThan(0);
    expect(wakes.filter((at) => at <= h.now())).toEqual(probes);
    h.receiver.answer(WELL);
    await h.pass((await met.gate()).open_at - h.now() + 2 * SECOND_MS);
    const untried = (await deliveries()).filter(({ attempts }) => attempts === 0);
    expect(untried).toEqual([]);
  });

  test("when the wake-up of the lane that is to probe is lost: the clock wakes one two minutes later", async () => {
    const met = await down(100);
    const { h } = met;
    h.messages.length = 0;
    const { open_at } = await met.gate();
    const wakes = listen(h);
    await h.pass(open_at + 2 * MINUTE_MS - h.now());
    expect(since(met, open_at)).toHaveLength(1);
    expect(wakes.filter((at) => at <= h.now())).toEqual(since(met, open_at));
  });

  test("when nothing was due as the gate opened: what comes then tries it at once", async () => {
    const met = await down(5);
    const { h } = met;
    // All that has failed waits for a late attempt.
    const later = h.now() + 5 * HOUR_MS;
    await env.DB.batch([
      env.DB.prepare("UPDATE jobs SET due_at = ?1, next_attempt_at = ?1 WHERE kind = 'webhook.deliver'").bind(
        later,
      ),
      env.DB.prepare("UPDATE lanes SET next_at = ? WHERE lane GLOB 'webhook:*'").bind(later),
    ]);
    h.messages.length = 0;
    h.advance(10 * MINUTE_MS);
    await h.pass(MINUTE_MS);
    const [before, wakes] = [h.now(), listen(h)];
    expect(before).toBeGreaterThan((await met.gate()).open_at);
    h.answer(() => {
      h.advance(1);
      return tweeted();
    });
    await met.post(10);
    await h.pass(SECOND_MS);
    expect(since(met, before)).toHaveLength(1);
    expect(wakes.filter((at) => at <= h.now())).toHaveLength(1);
    const { open_at } = await met.gate();
    h.receiver.answer(WELL);
    await h.pass(open_at - h.now() + SECOND_MS);
    expect(since(met, before)).toHaveLength(11);
  });
});

test("two endpoints that are down at once cost two wake-ups a probe, also of one turn", async () => {
  const h = await createHarness({ concurrency: 6 });
  const rows = [
    await h.endpoint(["job.*"]),
    await h.endpoint(["job.*"], { url: "https://other.shop.com/x" }),
  ];
  h.receiver.answer(DOWN);
  const account = await h.account({ expires_in_ms: 30 * DAY_MS });
  for (let i = 0; i < 100; i++) await h.post(account, "x");
  await h.pass(20 * SECOND_MS);
  const gates = await Promise.all(rows.map((row) => h.gate(endpointGate(row))));
  expect(gates.map((gate) => gate?.faults)).toEqual([10, 10]);
  expect(gates[0]?.open_at).toBe(gates[1]?.open_at);
  const [from, wakes] = [h.now(), listen(h)];
  await h.pass(2 * HOUR_MS);
  const probes = h.receiver.posts.filter(({ at }) => at > from).map(({ at }) => at);
  const first = [gates[0]?.open_at, gates[1]?.open_at];
  expect([...first, ...wakes].filter((at) => (at ?? 0) <= h.now())).toEqual(probes);
});
