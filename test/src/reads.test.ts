import { describe, expect, test } from "vitest";
import { openDoor } from "../support/door.ts";

// What a reader gets from us is what it gets from X.

const FIELDS = "tweet.fields=created_at,author_id&expansions=author_id&user.fields=username";

async function opened() {
  const door = await openDoor();
  const { id: client_id, key } = await door.client();
  const account = await door.xAccount(client_id);
  /** The same question, put to X directly. */
  const direct = async (path: string) => {
    const authorization = `Bearer ${account.access_token}`;
    return (await door.x.fetch(new Request(`https://x.test${path}`, { headers: { authorization } }))).text();
  };
  const read = (path: string, headers: Record<string, string> = {}) =>
    door.ask("GET", path, { key, headers });
  const post = async (text: string): Promise<string> => {
    const answer = await door.x.fetch(
      new Request("https://x.test/2/tweets", {
        method: "POST",
        headers: { authorization: `Bearer ${account.access_token}`, "content-type": "application/json" },
        body: JSON.stringify({ text }),
      }),
    );
    door.advance(1000);
    return (await answer.json<{ data: { id: string } }>()).data.id;
  };
  return { door, key, account, direct, read, post, calls: () => door.x.calls().total };
}

describe("every read gives X's body unchanged", () => {
  test.each([
    ["timeline", (user: string) => `/2/users/${user}/timelines/reverse_chronological`, 1],
    ["tweets", (user: string) => `/2/users/${user}/tweets`, 5],
    ["mentions", (user: string) => `/2/users/${user}/mentions`, 5],
  ])("page by page of the %s", async (name, at, size) => {
    const { account, direct, read, post } = await opened();
    for (let i = 0; i < 12; i++) await post(`no. ${i} for @${account.user.username}`);
    let token = "";
    const seen: string[] = [];
    for (let page = 0; page < 20; page++) {
      const query = `?max_results=${size}&${FIELDS}${token && `&pagination_token=${token}`}`;
      const answer = await read(`/v1/accounts/${account.id}/${name}${query}`);
      expect(answer.status).toBe(200);
      const text = await answer.text();
      expect(text).toBe(await direct(at(account.user.id) + query));
      const body = JSON.parse(text) as { data: { id: string }[]; meta: { next_token?: string } };
      seen.push(...body.data.map(({ id }) => id));
      token = body.meta.next_token ?? "";
      if (token === "") break;
    }
    expect(new Set(seen).size).toBe(12);
  });

  test("of a profile, a tweet and several", async () => {
    const { account, direct, read, post } = await opened();
    const [one, other] = [await post("one"), await post("other")];
    const same: [string, string][] = [
      [`/v1/accounts/${account.id}/profile?user.fields=created_at`, "/2/users/me?user.fields=created_at"],
      [
        `/v1/tweets/${one}?account_id=${account.id}&post.fields=author_id`,
        `/2/tweets/${one}?post.fields=author_id`,
      ],
      [`/v1/tweets?ids=${one},${other}&account_id=${account.id}`, `/2/tweets?ids=${one},${other}`],
    ];
    for (const [ours, theirs] of same) {
      const answer = await read(ours);
      expect(answer.status).toBe(200);
      expect(await answer.text()).toBe(await direct(theirs));
    }
  });

  test("with what X said of its window", async () => {
    const { account, read } = await opened();
    const answer = await read(`/v1/accounts/${account.id}/profile`);
    expect(answer.headers.get("x-rate-limit-limit")).toBe("75");
    expect(answer.headers.get("x-rate-limit-remaining")).toBe("74");
    expect(Number(answer.headers.get("x-rate-limit-reset"))).toBeGreaterThan(0);
  });
});

describe("what X would refuse", () => {
  test.each([
    ["tweets?max_results=4", "max_results too_small"],
    ["tweets?max_results=ten&exclude=quotes", "exclude invalid_value"],
    ["mentions?exclude=replies", "exclude unknown_field"],
    ["timeline?tweet.fields=a,,b", "tweet.fields invalid_format"],
    ["timeline?user.fields=name,name", "user.fields invalid"],
    ["timeline?since_id=yesterday", "since_id invalid_format"],
    ["timeline?start_time=yesterday", "start_time invalid_format"],
    ["profile?max_results=5", "max_results unknown_field"],
  ])("%s is a 400 that names it, and X is not asked", async (path, mistake) => {
    const { key, door, account, calls } = await opened();
    const { status, body } = await door.call("GET", `/v1/accounts/${account.id}/${path}`, { key });
    expect(status).toBe(400);
    expect(body.errors.map(({ pointer, code }) => `${pointer} ${code}`)).toContain(mistake);
    expect(calls()).toBe(0);
  });

  test("by itself is told in X's words", async () => {
    const { key, door, account } = await opened();
    const path = `/v1/accounts/${account.id}/timeline?pagination_token=nonsense`;
    const { status, body } = await door.call("GET", path, { key });
    expect({ status, code: body.code, source: body.source }).toEqual({
      status: 422,
      code: "x_invalid_request",
      source: "x",
    });
    expect(JSON.stringify(body.upstream)).toContain("pagination_token");
  });
});

describe("equal reads", () => {
  test("ask X once in three seconds, and say how old the answer is", async () => {
    const { door, account, read, calls } = await opened();
    const path = `/v1/accounts/${account.id}/profile`;
    const first = await read(path);
    door.advance(2000);
    const second = await read(path);
    expect(calls()).toBe(1);
    expect([first, second].map(({ headers }) => headers.get("age"))).toEqual(["0", "2"]);
    expect(second.headers.get("cache-control")).toBe("private, max-age=3");
    door.advance(1001);
    await read(path);
    expect(calls()).toBe(2);
  });

  test("at the same time ask X once", async () => {
    const { account, read, calls } = await opened();
    const path = `/v1/accounts/${account.id}/tweets`;
    const answers = await Promise.all(Array.from({ length: 20 }, () => read(path)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(calls()).toBe(1);
  });

  test("with the ETag they were given are a 304 without a body", async () => {
    const { door, account, read } = await opened();
    const path = `/v1/accounts/${account.id}/profile`;
    const etag = (await read(path)).headers.get("etag") ?? "";
    door.advance(10_000);
    const again = await read(path, { "if-none-match": etag });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe("");
    expect((await read(path, { "if-none-match": '"another"' })).status).toBe(200);
  });

  test("of two accounts are two", async () => {
    const { door, key, account, calls } = await opened();
    const row = await door.row<{ client_id: string }>(account.id, "accounts");
    const other = await door.xAccount(row?.client_id ?? "");
    await door.ask("GET", `/v1/accounts/${account.id}/profile`, { key });
    const answer = await door.call("GET", `/v1/accounts/${other.id}/profile`, { key });
    expect(calls()).toBe(2);
    expect(answer.body.data).toMatchObject({ username: other.user.username });
  });
});

describe("whose account", () => {
  test("another client's is a 404, on every path", async () => {
    const { door, account, calls } = await opened();
    const { key } = await door.client();
    const paths = [
      ...["timeline", "tweets", "mentions", "profile"].map((name) => `/v1/accounts/${account.id}/${name}`),
      `/v1/tweets/12?account_id=${account.id}`,
      `/v1/tweets?ids=12&account_id=${account.id}`,
    ];
    for (const path of paths) expect((await door.call("GET", path, { key })).status, path).toBe(404);
    expect(calls()).toBe(0);
  });

  test("it takes the scope accounts:read", async () => {
    const { door, account } = await opened();
    const row = await door.row<{ client_id: string }>(account.id, "accounts");
    const key = await door.key(row?.client_id ?? "", { scopes: ["jobs:read"] });
    expect((await door.call("GET", `/v1/accounts/${account.id}/profile`, { key })).status).toBe(403);
  });
});
