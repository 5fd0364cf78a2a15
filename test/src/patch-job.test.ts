import { describe, expect, test } from "vitest";
import { mistakes, openDoor, type Door } from "../support/door.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const iso = (ms: number): string => new Date(ms).toISOString();

async function scheduled(more: Record<string, unknown> = {}) {
  const door = await openDoor();
  const tenant = await door.tenant();
  const { body } = await tenant.post({ run_at: iso(door.now() + DAY_MS), ...more });
  const patch = (fields: object, headers: Record<string, string> = {}) =>
    door.call("PATCH", `/v1/jobs/${body.id}`, { key: tenant.key, body: fields, headers });
  return { door, tenant, id: body.id, patch };
}

const paramsOf = async (door: Door, id: string): Promise<unknown> =>
  JSON.parse((await door.row<{ params: string }>(id, "jobs"))?.params ?? "null");

test("what has not been sent is changed, and its lane is due when it is", async () => {
  const { door, tenant, id, patch } = await scheduled();
  const run_at = iso(door.now() + 30_000);
  const { status, body, headers } = await patch({
    params: { text: "better" },
    run_at,
    metadata: { a: 1 },
    max_attempts: 2,
  });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    id,
    run_at,
    metadata: { a: 1 },
    max_attempts: 2,
    state: "scheduled",
    sequence: 2,
  });
  expect(headers.get("etag")).toBe('"2"');
  expect(await paramsOf(door, id)).toEqual({ account_id: tenant.account_id, text: "better" });
  await door.settled();
  expect(door.messages).toEqual([{ lane: `tweets:${tenant.account_id}`, delay_s: 30 }]);
});

test("the time until which it may be sent moves along, unless it is named", async () => {
  const { door, patch } = await scheduled();
  const due = door.now() + 2 * DAY_MS;
  expect((await patch({ run_at: iso(due) })).body.expires_at).toBe(iso(due + 7 * DAY_MS));
  expect((await patch({ expires_after_s: 60 })).body.expires_at).toBe(iso(due + 60_000));
  expect((await patch({ expires_at: iso(due + HOUR_MS) })).body.expires_at).toBe(iso(due + HOUR_MS));
  expect((await patch({ metadata: null })).body).toMatchObject({ metadata: null, run_at: iso(due) });
});

test("a run_at that has passed is due now", async () => {
  const { door, id, patch } = await scheduled();
  await patch({ run_at: iso(door.now() - DAY_MS) });
  expect(await door.row(id, "jobs")).toMatchObject({ due_at: door.now() });
});

test("only as it was read, where If-Match says so", async () => {
  const { patch } = await scheduled();
  expect((await patch({ max_attempts: 3 }, { "if-match": '"7"' })).body.code).toBe("precondition_failed");
  expect((await patch({ max_attempts: 3 }, { "if-match": '"1"' })).status).toBe(200);
  expect((await patch({ max_attempts: 4 }, { "if-match": '"1"' })).status).toBe(412);
});

describe("is refused", () => {
  test.each(["running", "succeeded", "failed", "dead", "canceled", "unknown"] as const)(
    "for a job that is %s",
    async (state) => {
      const { door, id, patch } = await scheduled();
      const ended = !["running", "unknown"].includes(state);
      await door.setJob(id, {
        state,
        lease: state === "running" ? "lse_1" : null,
        open: ended ? null : 1,
        finished_at: ended ? 1 : null,
      });
      expect(await patch({ max_attempts: 3 })).toMatchObject({ status: 409, body: { code: "already_sent" } });
    },
  );

  test("for params of a job that has begun", async () => {
    const { door, id, patch } = await scheduled();
    await door.setJob(id, { state: "waiting", checkpoint: "{}" });
    expect((await patch({ params: { text: "b" } })).body.code).toBe("already_sent");
    expect((await patch({ max_attempts: 3 })).status).toBe(200);
  });

  test.each([
    ["nothing", {}, [" invalid"]],
    ["another account", { params: { account_id: "acc_1", text: "a" } }, ["/params/account_id immutable"]],
    ["a bad tweet", { params: { text: "" } }, ["/params/text required"]],
    ["too far a time", { run_at: "2029-01-01T00:00:00Z" }, ["/run_at too_far"]],
    ["an end before it is due", { expires_at: "2026-11-23T13:00:00Z" }, ["/expires_at too_early"]],
    ["another kind", { kind: "tweet.delete" }, [" invalid", "/kind unknown_field"]],
  ])("with %s", async (_, fields, expected) => {
    const { patch } = await scheduled();
    const { status, body } = await patch(fields);
    expect(status).toBe(422);
    expect(mistakes(body)).toEqual(expected);
  });

  test("for another client's job", async () => {
    const { door, id } = await scheduled();
    const { key } = await door.tenant();
    expect((await door.call("PATCH", `/v1/jobs/${id}`, { key, body: { max_attempts: 1 } })).status).toBe(404);
  });
});
