import { expect, test } from "vitest";
import { refreshOf } from "#core/jobs/refreshes";
import { encodeTime, isId, newId } from "#core/lib/ids";
import { NOW } from "../../support/rows.ts";

const account = {
  id: newId("acc", "1", NOW),
  client_id: "cli_1",
  token_version: 3,
  token_issued_at: NOW + 5,
};

test("the refresh of a version is one job, whoever asks: on its account's database, since the token was issued", async () => {
  const { job_id, ...rest } = await refreshOf(account);
  expect((await refreshOf({ ...account })).job_id).toBe(job_id);
  expect(isId("job", job_id)).toBe(true);
  expect(job_id.startsWith(`job_${encodeTime(NOW + 5)}`)).toBe(true);
  expect(job_id.endsWith("1")).toBe(true);
  expect(rest).toMatchObject({ account_id: account.id, token_version: 3, lane: `refresh:${account.id}` });
});

test("another version or another account is another job", async () => {
  const ids = await Promise.all(
    [account, { ...account, token_version: 4 }, { ...account, id: newId("acc", "1", NOW) }].map(refreshOf),
  );
  expect(new Set(ids.map(({ job_id }) => job_id)).size).toBe(3);
});
