import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { NEVER } from "#core/lib/clock";
import type { JobRow } from "#core/store/jobs";
import { mistakes, openDoor } from "../support/door.ts";
import { put } from "../support/rows.ts";

const tweets = [{ text: "one", reply_to: "4" }, { text: "two" }];
const FAILED = {
  state: "failed",
  open: null,
  finished_at: 1,
  result: JSON.stringify({ tweet_ids: ["5"], url: null }),
} as const;

/** A thread that has failed and holds its account. */
async function held() {
  const door = await openDoor();
  const { key, account_id } = await door.tenant();
  const body = { account_id, tweets, on_partial: "hold" };
  const { id } = (await door.call("POST", "/v1/threads", { key, body })).body;
  await door.setJob(id, FAILED);
  const held = { reason: "thread_held", failures: 0, open_at: NEVER, updated_at: 1, held_by: id };
  await put(env.DB, "gates", { name: `thread:${account_id}`, ...held });
  const tweet = await door.call("POST", "/v1/tweets", { key, body: { account_id, text: "behind" } });
  const read = async (job: string) => (await door.call("GET", `/v1/jobs/${job}`, { key })).body;
  const act = (job: string, what: string) => door.call("POST", `/v1/jobs/${job}/${what}`, { key });
  return { door, account_id, id, behind: tweet.body.id, read, act };
}

describe("POST /v1/threads", () => {
  test("takes a thread as one job, which keeps what is posted unless it is asked otherwise", async () => {
    const door = await openDoor();
    const { key, account_id } = await door.tenant();
    const { status, body } = await door.call("POST", "/v1/threads", { key, body: { account_id, tweets } });
    expect(status).toBe(202);
    expect(body).toMatchObject({ kind: "thread.create", state: "queued", result: null });
    const row = await door.row<JobRow>(body.id, "jobs");
    expect(JSON.parse(row?.params ?? "")).toEqual({ account_id, tweets, on_partial: "resume" });
    expect(row?.lane).toBe(`tweets:${account_id}`);
  });

  test("names every mistake at once, each at its tweet", async () => {
    const door = await openDoor();
    const { key, account_id } = await door.tenant();
    const wrong = [{ text: "" }, { text: "b", reply_to: "1" }, { text: "c", colour: "red" }];
    const body = { account_id, tweets: wrong, on_partial: "stop", max_attempts: 0 };
    const answer = await door.call("POST", "/v1/threads", { key, body });
    expect(answer.status).toBe(422);
    expect(mistakes(answer.body).sort()).toEqual([
      "/max_attempts too_small",
      "/on_partial invalid_value",
      "/tweets/0/text required",
      "/tweets/1/reply_to not_first",
      "/tweets/2/colour unknown_field",
    ]);
  });
});

describe("a thread that holds its account", () => {
  test("is what the tweets behind it wait for", async () => {
    const { account_id, behind, read } = await held();
    expect((await read(behind)).blocked_on).toEqual({
      gate: `thread:${account_id}`,
      reason: "thread_held",
      until: null,
    });
  });

  test("lets go when it is retried, and goes out in its old place", async () => {
    const { id, behind, door, read, act } = await held();
    const before = await door.row<JobRow>(id, "jobs");
    expect(await act(id, "retry")).toMatchObject({
      status: 202,
      body: { state: "queued", blocked_on: null },
    });
    expect(await door.row<JobRow>(id, "jobs")).toMatchObject({ due_at: before?.due_at, open: 1 });
    expect((await read(behind)).blocked_on).toBeNull();
  });

  test("lets go when it is canceled, stays failed with what is posted, and wakes those behind it", async () => {
    const { id, account_id, behind, door, read, act } = await held();
    await door.settled();
    door.messages.splice(0);
    await door.setLane(`tweets:${account_id}`, door.now() + 3_600_000);
    const canceled = await act(id, "cancel");
    expect(canceled).toMatchObject({ status: 200, body: { state: "failed", result: { tweet_ids: ["5"] } } });
    expect((await read(behind)).blocked_on).toBeNull();
    await door.settled();
    expect(door.messages).toEqual([{ lane: `tweets:${account_id}`, delay_s: 0 }]);
    expect(await act(id, "cancel")).toMatchObject({ status: 409, body: { code: "already_sent" } });
  });

  test("does not let go for another job", async () => {
    const { id, door, act, behind, read } = await held();
    await door.setJob(behind, { state: "failed", open: null, finished_at: 1 });
    await act(behind, "retry");
    await act(behind, "cancel");
    expect(await read(behind)).toMatchObject({ state: "canceled" });
    expect(await act(id, "cancel")).toMatchObject({ status: 200 });
  });
});
