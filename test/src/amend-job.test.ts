import { describe, expect, test } from "vitest";
import type { JobRow } from "#core/store/jobs";
import { mistakes, openDoor } from "../support/door.ts";

const [one, two, three] = [{ text: "one" }, { text: "two" }, { text: "three" }];

/** A thread of which X has the first tweet and refused the second. */
async function short(columns: Partial<JobRow> = {}) {
  const door = await openDoor();
  const { key, account_id } = await door.tenant();
  const body = { account_id, tweets: [one, two, three] };
  const { id } = (await door.call("POST", "/v1/threads", { key, body })).body;
  await door.setJob(id, {
    ...{ state: "failed", open: null, finished_at: 1, cost_actual: 15_000 },
    checkpoint: JSON.stringify({ tweet_ids: ["5"], deleted_ids: [], refusal: null }),
    ...columns,
  });
  const patch = (fields: object, headers: Record<string, string> = {}) =>
    door.call("PATCH", `/v1/jobs/${id}`, { key, body: fields, headers });
  return { door, key, account_id, id, patch };
}

test("what a failed thread has not posted is changed and priced anew; it stays failed until it is retried", async () => {
  const { door, key, account_id, id, patch } = await short();
  const tweets = [one, { text: "better" }, { text: "see example.com" }];
  const { status, body, headers } = await patch({ params: { tweets }, metadata: { a: 1 } });
  expect(status).toBe(200);
  expect(body).toMatchObject({ id, state: "failed", metadata: { a: 1 }, cost: { estimated: 230_000 } });
  expect(headers.get("etag")).toBe(`"${String(body.sequence)}"`);
  const row = await door.row<JobRow>(id, "jobs");
  expect(JSON.parse(row?.params ?? "")).toEqual({ account_id, tweets, on_partial: "resume" });
  const retried = await door.call("POST", `/v1/jobs/${id}/retry`, { key });
  expect(retried).toMatchObject({ status: 202, body: { state: "queued" } });
});

test("only as it was read, where If-Match says so", async () => {
  const { patch } = await short();
  const params = { tweets: [one, { text: "better" }] };
  expect((await patch({ params }, { "if-match": '"7"' })).status).toBe(412);
  expect((await patch({ params }, { "if-match": '"1"' })).status).toBe(200);
});

describe("is refused", () => {
  test.each([
    ["another first tweet", { tweets: [{ text: "1" }, two] }, ["/params/tweets/0 immutable"]],
    ["nothing that is a thread", { tweets: [one] }, ["/params/tweets too_small"]],
    ["a bad tweet", { tweets: [one, { text: "" }] }, ["/params/tweets/1/text required"]],
  ])("%s", async (_, params, expected) => {
    const { patch } = await short();
    const { status, body } = await patch({ params });
    expect([status, mistakes(body)]).toEqual([422, expected]);
  });

  test.each([
    ["a time", { run_at: "2026-12-01T00:00:00Z" }, {}],
    ["what X may have", { params: { tweets: [one, three] } }, { maybe_sent: 2, state: "dead" } as const],
    ["a thread that went out", { params: { tweets: [one, three] } }, { state: "succeeded" } as const],
  ])("%s", async (_, fields, columns) => {
    const { patch } = await short(columns);
    expect(await patch(fields)).toMatchObject({ status: 409, body: { code: "already_sent" } });
  });
});
