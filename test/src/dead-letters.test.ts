import { describe, expect, test } from "vitest";
import { mistakes, openDoor, type Door } from "../support/door.ts";

const MONTHS_7 = "2026-11-30T12:00:0";

/** A client with dead jobs on both databases, one a second; their ids, the newest first. */
async function dead(count = 6) {
  const door = await openDoor();
  const { id, key, account_id } = await door.tenant();
  const accounts = [account_id, await door.account(id, { shard: "1" })];
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const body = { account_id: accounts[i % 3 === 0 ? 1 : 0], text: `tweet ${i}` };
    const made = await door.call("POST", "/v1/tweets", { key, body });
    await bury(door, made.body.id);
    ids.unshift(made.body.id);
    door.advance(1000);
  }
  await door.settled();
  door.messages.length = 0;
  const redrive = (asked: unknown, by = key) =>
    door.call("POST", "/v1/dead-letters/redrive", { key: by, body: asked });
  const list = (query = "", by = key) => door.call("GET", `/v1/dead-letters?${query}`, { key: by });
  return { door, id, key, accounts, ids, redrive, list };
}

const bury = (door: Door, id: string, code = "attempts_exhausted") =>
  door.setJob(id, {
    state: "dead",
    open: null,
    finished_at: door.now(),
    attempts: 5,
    error: JSON.stringify({ code, title: "t", detail: "d" }),
    log: JSON.stringify([{ at: door.now(), outcome: "retry", code: "x_unavailable" }]),
  });

const idsOf = (answer: { body: { data: { id: string }[] } }) => answer.body.data.map(({ id }) => id);

describe("GET /v1/dead-letters", () => {
  test.each([1, 2, 5, 100])("by pages of %i shows each once, the newest first", async (limit) => {
    const { list, ids } = await dead();
    const seen: string[] = [];
    for (let cursor = ""; ;) {
      const answer = await list(`limit=${limit}${cursor}`);
      expect(answer.body.data.length).toBeLessThanOrEqual(limit);
      seen.push(...idsOf(answer));
      if (answer.body.next_cursor === null) break;
      cursor = `&cursor=${answer.body.next_cursor as string}`;
    }
    expect(seen).toEqual(ids);
  });

  test("shows each as it is read by itself, with its reason and its log", async () => {
    const { door, key, list } = await dead(1);
    const [job] = (await list()).body.data;
    expect(job).toMatchObject({
      state: "dead",
      error: { code: "attempts_exhausted" },
      log: [{ outcome: "retry", code: "x_unavailable", at: "2026-11-23T12:00:00.000Z" }],
    });
    expect((await door.call("GET", `/v1/jobs/${job?.id ?? ""}`, { key })).body).toEqual(job);
  });

  test("filters, and shows neither what is not dead nor what we made ourselves", async () => {
    const { door, list, ids, accounts } = await dead();
    await bury(door, ids[1] ?? "", "poison");
    await door.setJob(ids[2] ?? "", { state: "failed" });
    await door.setJob(ids[3] ?? "", { kind: "token.refresh" });
    const rest = [0, 1, 4, 5].map((i) => ids[i] ?? "");
    expect(idsOf(await list())).toEqual(rest);
    expect(idsOf(await list("code=poison"))).toEqual([ids[1]]);
    expect(idsOf(await list("kind=token.refresh"))).toEqual([ids[3]]);
    // Of a kind that this version does not know any more.
    await door.setJob(ids[4] ?? "", { kind: "moon.land" });
    expect(idsOf(await list())).toEqual(rest);
    expect(idsOf(await list(`account_id=${accounts[1] ?? ""}`))).toEqual([ids[5]]);
    const between = "created_after=2026-11-23T12:00:01Z&created_before=2026-11-23T12:00:05Z";
    expect(idsOf(await list(between))).toEqual([ids[1], ids[4]]);
  });

  test("is read by the client's keys alone, a narrowed one's accounts alone", async () => {
    const { door, id, list, ids, accounts } = await dead();
    const stranger = await door.tenant();
    expect(idsOf(await list("", stranger.key))).toEqual([]);
    const narrow = await door.key(id, { account_ids: [accounts[1] ?? ""] });
    expect(idsOf(await list("", narrow))).toEqual([ids[2], ids[5]]);
    const blind = await door.key(id, { scopes: ["jobs:write"] });
    expect((await list("", blind)).status).toBe(403);
  });

  test.each(["state=dead", "limit=0", "cursor=x", "code=", "created_after=now"])(
    "the query %s is refused, or finds nothing",
    async (query) => {
      const { list } = await dead(1);
      const answer = await list(query);
      if (query === "code=") expect(answer.body.data).toEqual([]);
      else expect(answer.status).toBe(400);
    },
  );
});

describe("POST /v1/dead-letters/redrive", () => {
  test("gives all of them a new life, the oldest first, and wakes their lanes", async () => {
    const { door, ids, accounts, redrive, list } = await dead();
    for (const account of accounts) await door.setLane(`tweets:${account}`, null);
    expect(await redrive({ filter: {}, limit: 1000 })).toMatchObject({
      status: 200,
      body: { redriven: 6, ids: [...ids].reverse(), has_more: false, next_cursor: null },
    });
    await door.settled();
    expect(door.messages.map(({ lane }) => lane).sort()).toEqual(accounts.map((a) => `tweets:${a}`).sort());
    for (const id of ids)
      expect(await door.row(id, "jobs")).toMatchObject({ state: "queued", open: 1, attempts: 0 });
    expect(idsOf(await list())).toEqual([]);
    expect((await redrive({ filter: {} })).body).toMatchObject({ redriven: 0, has_more: false });
  });

  test("takes no more than its limit, and says where to go on", async () => {
    const { ids, redrive } = await dead();
    const oldest = [...ids].reverse();
    const first = await redrive({ filter: {}, limit: 4 });
    expect(first.body).toMatchObject({ ids: oldest.slice(0, 4), has_more: true, next_cursor: oldest[3] });
    const rest = await redrive({ filter: {}, limit: 4, cursor: first.body.next_cursor });
    expect(rest.body).toMatchObject({ ids: oldest.slice(4), has_more: false });
  });

  test("takes those that the filter names", async () => {
    const { door, ids, accounts, redrive } = await dead();
    await bury(door, ids[0] ?? "", "poison");
    expect((await redrive({ filter: { code: "poison" } })).body.ids).toEqual([ids[0]]);
    expect((await redrive({ filter: { kind: "tweet.delete" } })).body.ids).toEqual([]);
    expect((await redrive({ filter: { account_id: accounts[1] } })).body.ids).toEqual([ids[5], ids[2]]);
    const some = [ids[1], ids[2], ids[3]];
    expect((await redrive({ filter: { ids: some } })).body.ids).toEqual([ids[3], ids[1]]);
    const late = { created_after: "2026-11-23T12:00:01Z" };
    expect((await redrive({ filter: late })).body.ids).toEqual([ids[4]]);
  });

  test("reaches only what the key reaches", async () => {
    const { door, id, ids, accounts, redrive } = await dead();
    const stranger = await door.tenant();
    expect((await redrive({ filter: { ids } }, stranger.key)).body.redriven).toBe(0);
    const narrow = await door.key(id, { account_ids: [accounts[1] ?? ""] });
    expect((await redrive({ filter: { ids } }, narrow)).body.ids).toEqual([ids[5], ids[2]]);
    const reader = await door.key(id, { scopes: ["jobs:read"] });
    expect((await redrive({ filter: {} }, reader)).status).toBe(403);
  });

  test("lets what may have been sent be looked for, and gives what is late another week", async () => {
    const { door, ids, redrive } = await dead(2);
    await door.setJob(ids[0] ?? "", { maybe_sent: 2 });
    door.advance(8 * 86_400_000);
    await redrive({ filter: {} });
    const [unclear, clear] = [await door.row(ids[0] ?? "", "jobs"), await door.row(ids[1] ?? "", "jobs")];
    expect(unclear).toMatchObject({ state: "unknown", maybe_sent: 2 });
    expect(clear).toMatchObject({ state: "queued", expires_at: door.now() + 7 * 86_400_000 });
  });

  test.each<[unknown, string]>([
    [{}, "/filter required"],
    [{ filter: {}, limit: 0 }, "/limit too_small"],
    [{ filter: {}, limit: 1001 }, "/limit too_big"],
    [{ filter: { state: "dead" }, all: true }, "/all unknown_field,/filter/state unknown_field"],
    [{ filter: { ids: [] } }, "/filter/ids too_small"],
    [{ filter: { ids: ["x"] }, cursor: "y" }, "/cursor invalid,/filter/ids/0 invalid"],
    [{ filter: { created_after: MONTHS_7 } }, "/filter/created_after invalid_format"],
  ])("%j is refused: %s", async (asked, mistake) => {
    const { redrive } = await dead(1);
    const { status, body } = await redrive(asked);
    expect(status).toBe(422);
    expect(mistakes(body).join()).toBe(mistake);
  });
});
