import { expect, test } from "vitest";
import { tokenRefresh } from "#core/jobs/kinds/token-refresh";
import { meetX } from "../../../support/refreshing.ts";

const refresh = (h: Awaited<ReturnType<typeof meetX>>["h"], account: string, version?: number) =>
  h.post(account, "", {
    kind: tokenRefresh,
    params: { account_id: account, ...(version !== undefined && { version }) },
  });

test("says until when the new token is good", async () => {
  const { h, account } = await meetX();
  h.advance(1000);
  const id = await refresh(h, account);
  await h.turn();
  expect(await h.job(id)).toMatchObject({
    state: "succeeded",
    result: JSON.stringify({ token_expires_at: new Date(h.now() + 7_200_000).toISOString() }),
  });
});

test("of a version that has moved is done, and X is not asked", async () => {
  const { h, account, refreshes } = await meetX();
  const [one, two] = [await refresh(h, account, 1), await refresh(h, account, 1)];
  await h.pass(1000);
  expect(await h.job(one)).toMatchObject({ state: "succeeded" });
  expect(await h.job(two)).toMatchObject({ state: "succeeded" });
  expect(refreshes()).toHaveLength(1);
});

test("waits neither for the account's gate nor for the app's", async () => {
  const { h, account } = await meetX();
  const id = await refresh(h, account, 1);
  expect((await h.lane(`refresh:${account}`))?.gates).toBe('["x:oauth","oauth:app_default"]');
  await h.turn();
  expect(await h.job(id)).toMatchObject({ state: "succeeded" });
});

test.each([0, 1.5, "2"])("does not take the version %j", (version) => {
  const params = { account_id: tokenRefresh.example.account_id, version };
  expect(tokenRefresh.params.safeParse(params).success).toBe(false);
});
