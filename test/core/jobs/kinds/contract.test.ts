import { describe, expect, test } from "vitest";
import { laneOf, type Kind } from "#core/jobs/define";
import { kinds } from "#core/jobs/kinds/index";
import { createKinds } from "#core/jobs/registry";
import { createSimulator, type FaultRule } from "../../../../simulator/simulator.ts";
import { file } from "../../../support/files.ts";
import { createHarness } from "../../../support/harness.ts";
import { ALL_SCOPES } from "../../../support/kinds.ts";
import { putMedium } from "../../../support/medium.ts";

// What every kind keeps, whatever it does: its name and shape, and what becomes of it when X answers, refuses, or says nothing.

const files = import.meta.glob<Record<string, Kind>>("../../../../core/jobs/kinds/*.ts", { eager: true });

const NEVER = 1_000_000_000;

/** X with one user, who allows everything; the engine on its clock; and the kind's example as that user would send it. */
async function meeting(kind: Kind) {
  let now = 0;
  const x = createSimulator({
    now: () => now,
    random: () => 0.5,
    sleep: (ms) => (ms >= NEVER ? new Promise(() => undefined) : Promise.resolve()),
  });
  x.createApp({ client_id: "x-app", redirect_uris: ["https://client.test/"] });
  // Where X is kind, what was done twice shows.
  x.setSettings({ reused_refresh_token: "fresh_pair" });
  const user = x.createUser({ username: "ada" });
  const grant = () =>
    x.createGrant({
      client_id: "x-app",
      user_id: user.id,
      scopes: ALL_SCOPES,
    });

  const h = await createHarness({ call_ms: 50, kinds: createKinds([kind]) });
  now = h.now();
  const { access_token, refresh_token } = grant();
  h.answer(async (_, request) => {
    now = h.now();
    return x.fetch(request);
  });
  const account = await h.account({
    token: access_token,
    x_user_id: user.id,
    ...(refresh_token && { refresh_token }),
  });
  const tweet = async () => {
    const body = JSON.stringify({ text: "to be deleted" });
    const headers = { authorization: `Bearer ${access_token}`, "content-type": "application/json" };
    const made = await x.fetch(new Request("https://x.test/2/tweets", { method: "POST", headers, body }));
    return (await made.json<{ data: { id: string } }>()).data.id;
  };
  // An example names things that are not there; what it acts on is made first.
  const example: Record<string, unknown> = { ...(kind.example as object), account_id: account };
  if ("tweet_id" in example) example.tweet_id = await tweet();
  if ("media_id" in example) {
    const of = { client_id: h.clientId, account_id: account, now: h.now() };
    example.media_id = await putMedium(file("image/png", 100), of);
  }
  const post = () => h.post(account, "", { kind, params: example });
  const fault = (rule: FaultRule["fault"], times = 1) => {
    x.setFaults([{ fault: rule, times }]);
  };
  return { h, x, lane: laneOf(kind, account, example), post, fault };
}

describe.each(kinds as unknown as Kind[])("$name", (kind) => {
  /** How many things its example does at X, each of them once. */
  const things = (kind.example as { tweets?: unknown[] }).tweets?.length ?? 1;

  test("has the same name on the wire, as a file and as a constant", () => {
    const file = `../../../../core/jobs/kinds/${kind.name.replace(".", "-")}.ts`;
    const constant = kind.name.replace(/\.(\w)/, (_, letter: string) => letter.toUpperCase());
    expect(kind.name).toMatch(/^[a-z]+\.[a-z]+$/);
    expect(files[file]?.[constant]).toBe(kind);
  });

  test("takes its example, and nothing it does not know", () => {
    expect(kind.params.safeParse(kind.example).success).toBe(true);
    const { error } = kind.params.safeParse({ ...(kind.example as object), surprise: 1 });
    expect(error?.issues).toEqual([
      expect.objectContaining({ code: "unrecognized_keys", keys: ["surprise"] }),
    ]);
  });

  // A medium is begun, sent and finished.
  const calls = kind.medium ? 3 : things;

  test("succeeds when X does it, with no call more than it takes", async () => {
    const { h, post } = await meeting(kind);
    const id = await post();
    await h.turn();
    expect(await h.job(id)).toMatchObject({ state: "succeeded", attempts: 1, error: null });
    expect(h.calls).toHaveLength(calls);
  });

  test("waits for the reset when X's window is used up, at no cost, and is done once after it", async () => {
    const { h, post, fault } = await meeting(kind);
    fault({ kind: "rate_limited" });
    const id = await post();
    await h.turn();
    expect(await h.job(id)).toMatchObject({ state: "waiting", attempts: 0, maybe_sent: 0 });
    await h.pass(890_000);
    expect(h.calls).toHaveLength(1);
    await h.pass(20_000);
    expect(await h.job(id)).toMatchObject({ state: "succeeded", attempts: 1 });
    expect(h.calls).toHaveLength(1 + calls);
  });

  const unclear: [string, FaultRule["fault"]][] = [
    ["X says 503 before it acted", { kind: "error", status: 503, when: "before" }],
    ["X says 503 after it acted", { kind: "error", status: 503, when: "after" }],
    ["X's answer to what it did never comes", { kind: "hang", ms: NEVER, when: "after" }],
    ["the connection breaks after X acted", { kind: "drop", when: "after" }],
    ["X answers with a page", { kind: "html", status: 502 }],
    ["X answers 200 with nothing", { kind: "empty", status: 200, when: "after" }],
  ];
  // What can be looked for is found, or sent once more when it surely is not there.
  const becomes = kind.repeatable || kind.reconcile ? "succeeded" : "unknown";
  const story = kind.repeatable ? "is done again" : kind.reconcile ? "is looked for" : "is never done again";

  test.each(unclear)(`${story} when %s`, async (_, rule) => {
    const { h, x, post, fault } = await meeting(kind);
    const before = x.tweetPage().total;
    fault(rule);
    const id = await post();
    await h.turn();
    expect(await h.job(id)).toMatchObject(
      kind.repeatable ? { state: "waiting", attempts: 1 } : { state: "unknown", maybe_sent: 2 },
    );
    await h.pass(600_000);
    expect(await h.job(id)).toMatchObject({ state: becomes });
    const sent = h.calls.filter(({ method }) => method !== "GET");
    if (kind.repeatable) expect(sent).toHaveLength(1 + calls);
    else expect(x.tweetPage().total - before).toBe(things);
  });

  test(`${story} when a bug of ours throws`, async () => {
    let broken = 0;
    const buggy: Kind = {
      ...kind,
      run: async (input, context) => {
        await kind.run(input, context);
        if (broken++ === 0) throw new TypeError("x is not a function");
        return { type: "done", result: null };
      },
    };
    const { h, post } = await meeting(buggy);
    const id = await post();
    await h.pass(600_000);
    expect(await h.job(id)).toMatchObject({ state: becomes });
    // What a checkpoint has kept of the first run is not done again.
    expect(h.calls.filter(({ method }) => method !== "GET")).toHaveLength(
      kind.repeatable ? calls + 1 : calls,
    );
  });

  test("is done once when its message is delivered twice", async () => {
    const { h, lane, post } = await meeting(kind);
    const id = await post();
    const body = { lane };
    await Promise.all([h.deliver([body, body]), h.deliver([body])]);
    await h.deliver([body]);
    expect(h.calls).toHaveLength(calls);
    expect(await h.job(id)).toMatchObject({ state: "succeeded" });
  });

  test("is never sent when it was canceled while it was queued", async () => {
    const { h, post } = await meeting(kind);
    const id = await post();
    expect(await h.cancel(id)).toBe(true);
    await h.pass(120_000);
    expect(h.calls).toEqual([]);
    expect(await h.job(id)).toMatchObject({ state: "canceled" });
  });
});
