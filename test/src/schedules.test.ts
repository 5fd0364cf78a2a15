import { expect, test } from "vitest";
import { stage } from "#core/jobs/stage";
import { mistakes, openDoor } from "../support/door.ts";

async function meeting() {
  const door = await openDoor();
  const tenant = await door.tenant();
  const { key, account_id } = tenant;
  const make = (more: object = {}, headers: Record<string, string> = {}) =>
    door.call("POST", "/v1/schedules", {
      key,
      headers,
      body: { cron: "0 9 * * *", time_zone: "Europe/Berlin", account_id, text: "hello", ...more },
    });
  const get = (path: string, by = key) => door.call("GET", `/v1/schedules${path}`, { key: by });
  return { door, tenant, key, account_id, make, get };
}

test("a schedule is made and read, and says when it comes next", async () => {
  const { make, get, account_id } = await meeting();
  const { status, headers, body } = await make({ metadata: { a: 1 } });
  expect(status).toBe(201);
  expect(headers.get("location")).toBe(`/v1/schedules/${body.id}`);
  expect(headers.get("etag")).toBe('"1"');
  expect(body).toEqual({
    id: expect.stringMatching(/^sch_/) as string,
    state: "active",
    cron: "0 9 * * *",
    time_zone: "Europe/Berlin",
    catch_up: "skip",
    account_id,
    kind: "tweet.create",
    params: { account_id, text: "hello" },
    next_at: "2026-11-24T08:00:00.000Z",
    fired: 0,
    last_at: null,
    last_job_id: null,
    skipped: { count: 0, from: null, to: null },
    metadata: { a: 1 },
    created_at: expect.any(String) as string,
  });
  expect((await get(`/${body.id}`)).body).toEqual(body);
});

test("its next ten times are told, also over a change of clocks", async () => {
  const { make, get } = await meeting();
  const { body } = await make({ cron: "0 9 28-31 3 *" });
  const { times } = (await get(`/${body.id}/next`)).body as unknown as { times: string[] };
  expect(times).toHaveLength(10);
  expect(times.slice(0, 2)).toEqual(["2027-03-28T07:00:00.000Z", "2027-03-29T07:00:00.000Z"]);
  expect(body.next_at).toBe(times[0]);
});

test("when its time comes it makes a job, which is listed as any other", async () => {
  const { door, key, make, get } = await meeting();
  const { body } = await make({ cron: "* * * * *" });
  door.advance(30_000);
  await stage(door.app);
  const made = (await get(`/${body.id}`)).body;
  expect(made.fired).toBeGreaterThan(0);
  const job = await door.call("GET", `/v1/jobs/${String(made.last_job_id)}`, { key });
  expect(job.body).toMatchObject({ kind: "tweet.create", run_at: made.last_at });
});

test("with a key it is made once", async () => {
  const { make, get } = await meeting();
  const again = { "idempotency-key": "k" };
  const { body } = await make({}, again);
  expect((await make({}, again)).body).toEqual(body);
  expect((await make({ cron: "@weekly" }, again)).status).toBe(422);
  expect((await get("")).body.data).toHaveLength(1);
});

test("a list goes page by page", async () => {
  const { door, make, get } = await meeting();
  for (let n = 0; n < 3; n++) {
    await make({ metadata: { n } });
    door.advance(1);
  }
  const page = (await get("?limit=2")).body;
  expect(page).toMatchObject({ has_more: true, data: [{ metadata: { n: 0 } }, { metadata: { n: 1 } }] });
  expect((await get(`?cursor=${String(page.next_cursor)}`)).body).toMatchObject({
    has_more: false,
    data: [{ metadata: { n: 2 } }],
  });
});

test("what is wrong is said with pointers, and another's account is not found", async () => {
  const { door, make } = await meeting();
  const { status, body } = await make({ cron: "soon", run_at: "2026-12-01T00:00:00Z" });
  expect(status).toBe(422);
  expect(mistakes(body)).toEqual(["/cron invalid_value", "/run_at not_here"]);
  const { account_id } = await door.tenant();
  const theirs = await make({ account_id });
  expect([theirs.status, ...mistakes(theirs.body)]).toEqual([404, "/account_id not_found"]);
});

test("one that is deleted makes no more jobs, and another's is not there", async () => {
  const { door, key, make, get } = await meeting();
  const { id } = (await make({ cron: "* * * * *" })).body;
  const other = await door.tenant();
  const remove = (by: string) => door.call("DELETE", `/v1/schedules/${id}`, { key: by });
  expect([(await get(`/${id}`, other.key)).status, (await remove(other.key)).status]).toEqual([404, 404]);
  expect((await remove(key)).status).toBe(204);
  expect((await get(`/${id}`)).status).toBe(404);
  door.advance(120_000);
  await stage(door.app);
  expect((await door.call("GET", "/v1/jobs", { key })).body.data).toEqual([]);
});
