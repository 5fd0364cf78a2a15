import { expect, test } from "vitest";
import { openDoor } from "../support/door.ts";
import { file } from "../support/files.ts";
import { putMedium } from "../support/medium.ts";

test("a job that waits for a medium says so, and how that stands", async () => {
  const door = await openDoor();
  const { id: client_id, key, account_id, post } = await door.tenant();
  const media_id = await putMedium(file("image/png"), { client_id, account_id, now: door.now() });
  const { body } = await post({ media: [media_id] });
  await door.setJob(body.id, { state: "waiting", awaits: media_id });
  const blocked = async () => (await door.call("GET", `/v1/jobs/${body.id}`, { key })).body.blocked_on;
  const is = (reason: string) => ({ gate: `medium:${media_id}`, reason, until: null });
  expect(await blocked()).toEqual(is("received"));
  const sending = await door.call("POST", "/v1/jobs", {
    key,
    body: { kind: "media.upload", params: { account_id, media_id } },
  });
  await door.env.DB.prepare(
    "INSERT INTO media_bindings (account_id, media_id, client_id, job_id) VALUES (?, ?, ?, ?)",
  )
    .bind(account_id, media_id, client_id, sending.body.id)
    .run();
  await door.setJob(sending.body.id, {
    checkpoint: JSON.stringify({ processing_since: 1, processing_percent: 40, bytes_sent: 9 }),
  });
  expect(await blocked()).toEqual(is("processing"));
  const [listed] = (await door.call("GET", "/v1/jobs?state=waiting", { key })).body.data;
  expect(listed?.blocked_on).toEqual(is("processing"));
  await door.env.DB.prepare("DELETE FROM uploads").run();
  expect(await blocked()).toEqual(is("gone"));
});

test("one account's medium is not another's that waits for the same", async () => {
  const door = await openDoor();
  const { id: client_id, key, account_id, post } = await door.tenant();
  const other = await door.account(client_id, { shard: "1" });
  const media_id = await putMedium(file("image/png"), { client_id, account_id, now: door.now() });
  await door.env.DB.prepare("INSERT INTO media_bindings VALUES (?, ?, ?, 'job_1', '77', ?)")
    .bind(account_id, media_id, client_id, door.now() + 3_600_000)
    .run();
  const [mine, theirs] = [
    await post({ media: [media_id] }),
    await post({ media: [media_id], account_id: other }),
  ];
  for (const { body } of [mine, theirs]) await door.setJob(body.id, { state: "waiting", awaits: media_id });
  const { data } = (await door.call("GET", "/v1/jobs", { key })).body;
  const reasonOf = (account: string) =>
    data.find((job) => job.account_id === account)?.blocked_on as { reason: string } | undefined;
  expect(reasonOf(account_id)?.reason).toBe("ready");
  expect(reasonOf(other)?.reason).toBe("received");
});
