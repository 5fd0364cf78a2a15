import { expect, test } from "vitest";
import type { Kind } from "#core/jobs/define";
import { createHarness, rate, refused } from "./harness.ts";

/** What the tests of a kind that engages with a tweet know of it: `lane` ends X's path, `flag` is X's word in its answers. */
type Known = { takeBack: Kind; lane: string; flag: string };

const tweet_id = "1346889436626259968";
const USER = "2244994945";

async function meeting(usual: Kind) {
  const h = await createHarness();
  const account_id = await h.account({ x_user_id: USER });
  const post = (kind: Kind = usual) => h.post(account_id, "", { kind, params: { account_id, tweet_id } });
  return { h, account_id, post };
}

/** What every kind that retweets, likes or bookmarks a tweet keeps. */
export function promisesOfMaking({ make, takeBack, lane, flag }: Known & { make: Kind }): void {
  const says = (stands: boolean) => Response.json({ data: { [flag]: stands } });

  test("X is asked once for it in the name of the account's user, and the result says so", async () => {
    const { h, post } = await meeting(make);
    h.answer(() => says(true));
    const id = await post();
    await h.turn();
    expect(h.calls).toMatchObject([{ method: "POST", path: `/2/users/${USER}/${lane}`, body: { tweet_id } }]);
    expect(JSON.parse((await h.job(id)).result ?? "")).toEqual({ tweet_id, [flag]: true });
  });

  test(`a tweet that is ${flag} already counts as done`, async () => {
    const { h, post } = await meeting(make);
    h.answer(() => refused(403, `You have already ${flag} this Tweet.`));
    const id = await post();
    await h.turn();
    expect(await h.job(id)).toMatchObject({ state: "succeeded", attempts: 1 });
  });

  test("what X refuses has failed, in X's words", async () => {
    const { h, post } = await meeting(make);
    h.answer(() => refused(403, "Your plan does not allow this."));
    const id = await post();
    await h.turn();
    const job = await h.job(id);
    expect(job).toMatchObject({ state: "failed" });
    expect(JSON.parse(job.error ?? "")).toMatchObject({
      code: "x_forbidden",
      upstream: { status: 403, detail: "Your plan does not allow this." },
    });
  });

  test("an answer that says it is not so is an error of the job", async () => {
    const { h, post } = await meeting(make);
    h.answer(() => says(false));
    const id = await post();
    await h.turn();
    expect(JSON.parse((await h.job(id)).error ?? "")).toMatchObject({ code: "x_unexpected" });
  });

  test("it and its taking back take turns, also when the first is asked for twice", async () => {
    const { h, account_id, post } = await meeting(make);
    const answers = [refused(503, "over capacity"), says(true), says(false)];
    h.answer(() => answers.shift() ?? refused(500, "asked too often"));
    await post();
    h.advance(1);
    const last = await post(takeBack);
    expect(new Set(h.messages.map((message) => message.lane))).toEqual(new Set([`${lane}:${account_id}`]));
    await h.pass(60_000);
    expect(h.calls.map(({ method }) => method)).toEqual(["POST", "POST", "DELETE"]);
    expect(await h.job(last)).toMatchObject({ state: "succeeded" });
  });
}

/** What every kind keeps that takes a retweet, a like or a bookmark back. */
export function promisesOfTakingBack({ takeBack, lane, flag }: Known): void {
  const says = (stands: boolean, headers: Record<string, string> = {}) =>
    Response.json({ data: { [flag]: stands } }, { headers });

  test("X is asked once to take it back, and the result says so", async () => {
    const { h, post } = await meeting(takeBack);
    h.answer(() => says(false));
    const id = await post();
    await h.turn();
    expect(h.calls).toMatchObject([
      { method: "DELETE", path: `/2/users/${USER}/${lane}/${tweet_id}`, body: null },
    ]);
    expect(JSON.parse((await h.job(id)).result ?? "")).toEqual({ tweet_id, [flag]: false });
  });

  test("of a tweet that is gone there is nothing to be taken back", async () => {
    const { h, post } = await meeting(takeBack);
    h.answer(() => refused(404, "Could not find tweet"));
    const id = await post();
    await h.turn();
    expect(await h.job(id)).toMatchObject({ state: "succeeded", attempts: 1 });
  });

  test("an answer that says it still stands is an error of the job", async () => {
    const { h, post } = await meeting(takeBack);
    h.answer(() => says(true));
    const id = await post();
    await h.turn();
    expect(JSON.parse((await h.job(id)).error ?? "")).toMatchObject({ code: "x_unexpected" });
  });

  test("nothing is asked of a window that the call before has used up", async () => {
    const { h, post } = await meeting(takeBack);
    h.answer(() => says(false, rate(h.now(), 0, 600)));
    await post();
    h.advance(1);
    const last = await post();
    await h.pass(590_000);
    expect(h.calls).toHaveLength(1);
    expect(await h.job(last)).toMatchObject({ attempts: 0 });
    await h.pass(20_000);
    expect(await h.job(last)).toMatchObject({ state: "succeeded" });
  });
}
