import { describe, expect, test } from "vitest";
import type { Outcome } from "#core/lib/outcome";
import { createXClient, type Fetch, send, type XClientOptions } from "#core/x/client";
import { endpoints } from "#core/x/endpoints";
import type { Rate } from "#core/x/headers";
import { Refusal } from "#core/x/refusal";

const NOW = Date.UTC(2026, 10, 23, 12);
const TOKEN = "VGhpc0lzTm90QVJlYWxUb2tlbg";

type Call = { url: string; init: RequestInit };

/** A network that gives `response` to everyone and keeps what it was asked. */
function network(respond: () => Response | Promise<Response>) {
  const calls: Call[] = [];
  const fetch: Fetch = async (request, init = {}) => {
    calls.push({ url: typeof request === "string" ? request : request.url, init });
    return respond();
  };
  return { calls, fetch };
}

/** A network that never answers, and heeds its signal as fetch does. */
const silence: Fetch = (_, init) =>
  new Promise((_resolve, reject) => {
    init?.signal?.addEventListener("abort", () => {
      reject(new Error(`aborted while asking with ${TOKEN}`));
    });
  });

const client = (fetch: Fetch, more: Partial<XClientOptions> = {}) =>
  createXClient({ fetch, baseUrl: "https://x.test", accessToken: TOKEN, now: () => NOW, ...more });

const anything = { expect: (json: unknown) => json };
const readId = (json: unknown) => (json as { id?: string } | undefined)?.id;

async function refused(call: Promise<unknown>): Promise<Outcome> {
  const error = await call.then(
    () => "it was not refused",
    (reason: unknown) => reason,
  );
  if (!(error instanceof Refusal)) throw new Error(String(error));
  expect(JSON.stringify(error.outcome) + error.message + String(error.stack)).not.toContain(TOKEN);
  return error.outcome;
}

describe("what is sent", () => {
  test("method, address, token and nothing else for a read", async () => {
    const { calls, fetch } = network(() => Response.json({ ok: 1 }));
    await client(fetch).call(endpoints.me, anything);
    expect(calls).toMatchObject([
      { url: "https://x.test/2/users/me", init: { method: "GET", body: null, redirect: "manual" } },
    ]);
    expect(calls[0]?.init.headers).toEqual({ authorization: `Bearer ${TOKEN}`, accept: "application/json" });
  });

  test("params in the path and query after it, both escaped; what is undefined is left out", async () => {
    const { calls, fetch } = network(() => Response.json({ ok: 1 }));
    await client(fetch, { baseUrl: "http://127.0.0.1:8099/" }).call(endpoints.userTweets, {
      ...anything,
      params: { id: "a/b" },
      query: { max_results: 5, since_id: undefined, "post.fields": "id,text" },
    });
    expect(calls[0]?.url).toBe(
      "http://127.0.0.1:8099/2/users/a%2Fb/tweets?max_results=5&post.fields=id%2Ctext",
    );
  });

  test("a body as JSON", async () => {
    const { calls, fetch } = network(() => Response.json({ ok: 1 }, { status: 201 }));
    await client(fetch, { userAgent: "proxy/1" }).call(endpoints.createTweet, {
      ...anything,
      body: { text: "é" },
    });
    expect(calls[0]?.init).toMatchObject({
      method: "POST",
      body: '{"text":"é"}',
      headers: { "content-type": "application/json", "user-agent": "proxy/1" },
    });
  });

  test("a path without its parameter is a bug, and not sent", async () => {
    const { calls, fetch } = network(() => Response.json({}));
    await expect(client(fetch).call(endpoints.tweet, anything)).rejects.toThrow('/2/tweets/:id needs "id"');
    expect(calls).toEqual([]);
  });
});

describe("what comes back", () => {
  test("a 2xx gives what was expected of it", async () => {
    const { fetch } = network(() => Response.json({ id: "7" }, { status: 201 }));
    expect(await client(fetch).call(endpoints.createTweet, { body: {}, expect: readId })).toBe("7");
  });

  test("a 204 is enough for a caller who expects nothing", async () => {
    const { fetch } = network(() => new Response(null, { status: 204 }));
    expect(await client(fetch).call(endpoints.me, { expect: () => true })).toBe(true);
  });

  test("a 2xx without what was expected is unclear", async () => {
    const { fetch } = network(() => Response.json({ data: {} }, { status: 201 }));
    const outcome = await refused(client(fetch).call(endpoints.createTweet, { expect: readId }));
    expect(outcome).toMatchObject({ type: "lost", problem: { code: "x_unexpected" } });
  });

  test("any other status is refused, even if the body has what was expected", async () => {
    const { fetch } = network(() => Response.json({ id: "7" }, { status: 403 }));
    const outcome = await refused(client(fetch).call(endpoints.createTweet, { expect: readId }));
    expect(outcome).toMatchObject({ type: "fail", problem: { code: "x_forbidden" } });
  });

  test("a redirect is not followed", async () => {
    const headers = { location: "https://elsewhere.test/" };
    const { calls, fetch } = network(() => new Response(null, { status: 307, headers }));
    const outcome = await refused(client(fetch).call(endpoints.createTweet, { expect: readId }));
    expect(outcome).toMatchObject({ type: "lost", problem: { code: "x_unexpected" } });
    expect(calls).toHaveLength(1);
  });

  test("a rejected fetch is unclear, and its message is dropped", async () => {
    const { fetch } = network(() => Promise.reject(new Error(`Bearer ${TOKEN} failed`)));
    const outcome = await refused(client(fetch).call(endpoints.createTweet, { expect: readId }));
    expect(outcome).toMatchObject({ type: "lost", problem: { code: "x_unreachable" } });
  });

  test("an X that repeats the token is not quoted", async () => {
    const { fetch } = network(() => new Response(`Bearer ${TOKEN} is bad`, { status: 403 }));
    await refused(client(fetch).call(endpoints.createTweet, { expect: readId }));
  });

  test("the rate headers of every answer are heard, by endpoint", async () => {
    const heard: [string, Rate][] = [];
    const headers = { "x-rate-limit-limit": "100", "x-rate-limit-remaining": "3", "x-rate-limit-reset": "9" };
    const statuses = [200, 403];
    const { fetch } = network(() => Response.json({ id: "1" }, { status: statuses.shift() ?? 200, headers }));
    const x = client(fetch, { onReading: (...reading) => heard.push(reading) });
    await x.call(endpoints.me, { expect: readId });
    await refused(x.call(endpoints.createTweet, { expect: readId }));
    expect(heard.map(([endpoint, { window }]) => [endpoint, window?.remaining])).toEqual([
      ["GET /2/users/me", 3],
      ["POST /2/tweets", 3],
    ]);
  });
});

describe("deadlines", () => {
  const ask = (more: Partial<XClientOptions>) =>
    refused(client(silence, more).call(endpoints.createTweet, { expect: readId }));
  const timeout = { type: "lost", problem: { extra: { detail: "X did not answer in time." } } };

  test("a call ends after its timeout", async () => {
    expect(await ask({ timeout_ms: 1 })).toMatchObject(timeout);
  });

  test("a call ends at the deadline, when that is sooner", async () => {
    expect(await ask({ deadline: NOW + 1 })).toMatchObject(timeout);
  });

  test("a call ends when its signal says so", async () => {
    const stop = new AbortController();
    const call = ask({ signal: stop.signal });
    stop.abort();
    expect(await call).toMatchObject(timeout);
  });

  test.each<[string, Partial<XClientOptions>]>([
    ["after the deadline", { deadline: NOW }],
    ["on an aborted signal", { signal: AbortSignal.abort() }],
  ])("%s nothing is sent, and sending later is safe", async (_, more) => {
    const { calls, fetch } = network(() => Response.json({ id: "1" }));
    const call = client(fetch, more).call(endpoints.createTweet, { expect: readId });
    expect(await refused(call)).toMatchObject({ type: "retry", problem: { code: "x_unreachable" } });
    expect(calls).toEqual([]);
  });
});

test("send gives every answer as a value", async () => {
  const { fetch } = network(() => new Response("no", { status: 500 }));
  const init = { method: "POST", headers: {}, body: "a=b", secrets: [] };
  const limits = { now: () => NOW };
  expect(await send(fetch, "https://x.test/", init, limits)).toMatchObject({ status: 500, text: "no" });
  expect(await send(silence, "https://x.test/", init, { ...limits, timeout_ms: 1 })).toEqual({
    unreachable: "timeout",
  });
});

test("a token that X repeats, whole or in part, does not reach the outcome", async () => {
  for (const said of [TOKEN, TOKEN.slice(3, 17), btoa(TOKEN)]) {
    const { fetch } = network(() => Response.json({ detail: `No ${said}.` }, { status: 403 }));
    const outcome = await refused(client(fetch).call(endpoints.me, anything));
    expect(JSON.stringify(outcome)).toContain('"detail":"No [removed]');
    expect(JSON.stringify(outcome)).not.toContain(said.slice(0, 12));
  }
});

describe("asking without expecting anything", () => {
  test("gives the answer as it came, whatever it says, and tells of the window and of X's health", async () => {
    const heard: unknown[] = [];
    const headers = { "x-rate-limit-limit": "5", "x-rate-limit-remaining": "4", "x-rate-limit-reset": "1" };
    const { fetch } = network(() => new Response("Bad gateway", { status: 502, headers }));
    const x = client(fetch, {
      onReading: (endpoint, { window }) => heard.push([endpoint, window?.remaining]),
      onHealth: ({ name }, well) => heard.push([name, well]),
    });
    expect(await x.ask(endpoints.me, {})).toMatchObject({ status: 502, text: "Bad gateway" });
    expect(heard).toEqual([
      ["GET /2/users/me", false],
      ["GET /2/users/me", 4],
    ]);
  });

  test("never throws", async () => {
    const broken: Fetch = () => Promise.reject(new Error("reset"));
    expect(await client(broken).ask(endpoints.me, {})).toEqual({ unreachable: "network" });
  });
});
