import { env as bound } from "cloudflare:workers";
import { expect, onTestFinished } from "vitest";
import type { App } from "../../src/app.ts";
import { createTally } from "#core/jobs/tally";
import { createApp } from "../../src/app.ts";
import { problemSchema } from "../../src/describe.ts";
import { createKey, type Scope } from "../../src/auth.ts";
import type { Env } from "../../src/env.ts";
import { createReadCache } from "../../src/read-cache.ts";
import { createRouter } from "../../src/router.ts";
import { routes } from "../../src/routes.ts";
import { createSimulator } from "../../simulator/simulator.ts";
import { pairPlace } from "#core/accounts/tokens";
import type { WakeUp } from "#core/jobs/wake";
import { hideRuns } from "#core/lib/hide";
import { newId, randomText } from "#core/lib/ids";
import type { FieldError } from "#core/lib/problem";
import { openRing } from "#core/lib/seal";
import * as accounts from "#core/store/accounts";
import * as apiKeys from "#core/store/api-keys";
import * as clients from "#core/store/clients";
import type { JobRow } from "#core/store/jobs";
import { strict } from "./database.ts";
import { TEST_RING } from "./harness.ts";
import { empty } from "./rows.ts";

export const ADMIN_KEY = "the-admin-key-of-the-tests-and-of-nothing-else";
export const ORIGIN = "https://proxy.test";
export const RETURN_URL = "https://client.test/connected?tenant=7";
export const TEST_SESSION_RING = `s1:${"B".repeat(43)}`;
export const TEST_WEBHOOK_RING = `w1:${"C".repeat(43)}`;
const X_CLIENT_SECRET = "x-client-secret-x-client-secret-x-client-secret";
const EVERY_SCOPE: Scope[] = [
  "jobs:read",
  "jobs:write",
  "accounts:read",
  "accounts:write",
  "media:write",
  "webhooks:write",
];

/** What the tests read of a job, a problem, a list or any other body. */
export type Body = {
  id: string;
  state: string;
  code: string;
  detail: string;
  errors: FieldError[];
  data: Body[];
  authorize_url: string;
  [field: string]: unknown;
};

export type Asked = {
  key?: string | null;
  body?: unknown;
  text?: BodyInit;
  headers?: Record<string, string>;
};

export type Door = Awaited<ReturnType<typeof openDoor>>;

/**
 * The producer's door, over real D1 and KV, with a clock that moves only when it is told to, and the simulator as X. It
 * checks of every answer in every test: a request id, the declared status and body, problems in full, nothing secret.
 */
export async function openDoor(settings: Partial<Env> = {}, parts: Partial<App> = {}) {
  // The simulator's users of one test have the ids of another's.
  await Promise.all([bound.DB, bound.DB_1].map(empty));
  let time = Date.UTC(2026, 10, 23, 12);
  const log: { event: string; [field: string]: unknown }[] = [];
  const messages: { lane: string; delay_s: number }[] = [];
  const works: Promise<unknown>[] = [];
  const secrets = new Set([ADMIN_KEY, X_CLIENT_SECRET, "A".repeat(43), "B".repeat(43), "C".repeat(43)]);
  const heard: string[] = [];
  const sleeps: number[] = [];
  let whileAsleep: (at: number) => Promise<void> | void = () => undefined;
  let fault: (sql: string) => Error | null = () => null;

  const queue = {
    sendBatch: async (batch: Iterable<MessageSendRequest<WakeUp>>) => {
      for (const { body, delaySeconds = 0 } of batch) messages.push({ ...body, delay_s: delaySeconds });
    },
  } as unknown as Queue<WakeUp>;

  const env: Env = {
    TOKENS: bound.TOKENS,
    MEDIA: bound.MEDIA,
    KEY_LIMITER: bound.KEY_LIMITER,
    DB: faulty(strict(bound.DB), (sql) => fault(sql)),
    DB_1: faulty(strict(bound.DB_1), (sql) => fault(sql)),
    TWEETS: queue,
    REFRESH: queue,
    WEBHOOKS: queue,
    UPLOADS: queue,
    KEY_LIMIT: "off",
    TICK_S: "60",
    X_API_URL: "https://x.test",
    X_AUTHORIZE_URL: "https://x.test/i/oauth2/authorize",
    PUBLIC_URL: ORIGIN,
    TOKEN_KEYS: TEST_RING,
    SESSION_KEYS: TEST_SESSION_RING,
    WEBHOOK_KEYS: TEST_WEBHOOK_RING,
    ADMIN_KEY,
    X_CLIENT_ID: "x-app",
    X_CLIENT_SECRET,
    ...settings,
  };

  const x = createSimulator({ now: () => time, sleep: async () => undefined });
  const redirect_uris = [`${ORIGIN}/oauth/callback`];
  x.createApp({ client_id: "x-app", client_secret: X_CLIENT_SECRET, redirect_uris });

  const app = createApp(
    env,
    {
      waitUntil: (work) => {
        works.push(work);
      },
    },
    {
      clock: {
        now: () => time,
        stored: () => time,
        sleep: async (ms) => {
          sleeps.push(ms);
          time += Math.ceil(ms);
          await whileAsleep(time);
        },
      },
      random: () => 0.5,
      reads: createReadCache(),
      tally: createTally(),
      log: (event, fields) => log.push({ event, ...fields }),
      network: async (request, init) => {
        const asked = new Request(request, init);
        const answer = await x.fetch(asked);
        if (new URL(asked.url).pathname === "/2/oauth2/token") await keepTokens(answer.clone());
        return answer;
      },
      ...parts,
    },
  );
  const router = createRouter(routes);

  onTestFinished(async () => {
    await Promise.all(works);
    const said = [...heard, ...log.map((line) => JSON.stringify(line))].join("\n");
    expect([...secrets].filter((secret) => said.includes(secret))).toEqual([]);
  });

  const keep = (...more: (string | null | undefined)[]) => {
    for (const secret of more) if (secret) secrets.add(secret);
  };

  /** What X hands out must never be heard or logged. */
  async function keepTokens(answer: Response): Promise<void> {
    const text = await answer.text();
    for (const [, token] of text.matchAll(/"(?:access|refresh)_token":"([^"]+)"/g)) keep(token);
  }

  /** Send a request and hear the answer. */
  async function ask(method: string, path: string, asked: Asked = {}): Promise<Response> {
    const headers = new Headers(asked.headers);
    if (asked.key) headers.set("authorization", `Bearer ${asked.key}`);
    let sent = asked.text;
    if (asked.body !== undefined) {
      sent = JSON.stringify(asked.body);
      if (!headers.has("content-type")) headers.set("content-type", "application/json");
    }
    const request = new Request(ORIGIN + path, {
      method,
      headers,
      redirect: "manual",
      ...(sent !== undefined && method !== "GET" && { body: sent }),
    });
    if (typeof sent === "string" || sent instanceof Uint8Array)
      request.headers.set("content-length", String(new Blob([sent]).size));
    const response = await router.fetch(request, app);
    const meant = path.startsWith("/v1/uploads") ? headers.get("x-http-method-override") : null;
    await check(meant ?? method, path, response.clone());
    return response;
  }

  async function check(method: string, path: string, response: Response): Promise<void> {
    const text = await response.text();
    if (!["/v1/keys", "/v1/sessions"].includes(path)) heard.push(text, JSON.stringify([...response.headers]));
    const requestId = response.headers.get("x-request-id");
    expect(requestId).toMatch(/^req_/);
    if (
      method === "HEAD" ||
      (method === "OPTIONS" && response.ok) ||
      /^text\/(html|csv)/.test(response.headers.get("content-type") ?? "")
    )
      return;
    const { pathname } = new URL(ORIGIN + path);
    if (response.status >= 400) {
      expect(response.headers.get("content-type")).toBe("application/problem+json");
      expect(problemSchema.parse(JSON.parse(text))).toMatchObject({
        type: expect.stringMatching(/^urn:/) as string,
        title: expect.stringMatching(/./) as string,
        status: response.status,
        detail: expect.stringMatching(/./) as string,
        instance: hideRuns(pathname, "removed"),
        code: expect.stringMatching(/^[a-z_]+$/) as string,
        request_id: requestId,
      });
      return;
    }
    const route = routes.find(
      (one) =>
        one.method === method && new RegExp(`^${one.path.replaceAll(/\{\w+\}/g, "[^/]+")}/*$`).test(pathname),
    );
    const answer = route?.answers[response.status];
    expect(answer, `${method} ${path} declares ${response.status}`).toBeDefined();
    answer?.schema?.parse(JSON.parse(text));
  }

  /** The same, with the answer read. */
  async function call(method: string, path: string, asked: Asked = {}) {
    const response = await ask(method, path, asked);
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === "" ? {} : JSON.parse(text)) as Body,
    };
  }

  /** A client with a key. */
  async function client(of: { shard?: "0" | "1"; return_urls?: string[] } = {}) {
    const id = newId("cli", of.shard ?? "0", time);
    const return_urls = JSON.stringify(of.return_urls ?? [RETURN_URL]);
    await clients.insert(databaseOf(id), { id, name: `client ${id}`, return_urls, created_at: time }).run();
    return { id, key: await key(id) };
  }

  /** One more key of a client. */
  async function key(
    clientId: string,
    of: { scopes?: Scope[]; account_ids?: string[]; expires_at?: number } = {},
  ): Promise<string> {
    const made = await createKey(clientId, time);
    await apiKeys
      .insert(databaseOf(clientId), {
        id: made.id,
        client_id: clientId,
        hash: made.hash,
        scopes: JSON.stringify(of.scopes ?? EVERY_SCOPE),
        account_ids: of.account_ids ? JSON.stringify(of.account_ids) : null,
        expires_at: of.expires_at ?? null,
        created_at: time,
      })
      .run();
    keep(made.key, made.key.slice(-40), made.hash);
    return made.key;
  }

  /** A connected account of a client. */
  async function account(clientId: string, of: { shard?: "0" | "1" } = {}): Promise<string> {
    const id = newId("acc", of.shard ?? "0", time);
    const pair = JSON.stringify({ access_token: `access-${id}`, refresh_token: `refresh-${id}` });
    keep(`access-${id}`, `refresh-${id}`);
    const ring = await openRing(TEST_RING, "TOKEN_KEYS");
    const row = {
      id,
      client_id: clientId,
      app_id: "app_default",
      x_user_id: randomText(12),
      username: "someone",
      name: "Someone",
      scopes: '["tweet.write"]',
      token: await ring.seal(pair, pairPlace(id, 1)),
      token_version: 1,
      token_expires_at: time + 7_200_000,
      refresh_at: time + 5_700_000,
      metadata: null,
    };
    await accounts.connect(databaseOf(id), row, time).run();
    return id;
  }

  /** A user of X's and its account here, whose tokens X knows. */
  async function xAccount(clientId: string, of: { shard?: "0" | "1" } = {}) {
    const user = x.createUser({ username: `u${randomText(8)}` });
    const scopes = ["tweet.read", "tweet.write", "users.read", "offline.access"];
    const granted = x.createGrant({ client_id: "x-app", user_id: user.id, scopes });
    const id = await account(clientId, of);
    const { access_token, refresh_token = null } = granted;
    keep(access_token, refresh_token);
    const ring = await openRing(TEST_RING, "TOKEN_KEYS");
    const sealed = await ring.seal(JSON.stringify({ access_token, refresh_token }), pairPlace(id, 1));
    await databaseOf(id)
      .prepare("UPDATE accounts SET x_user_id = ?, token = ? WHERE id = ?")
      .bind(user.id, sealed, id)
      .run();
    return { id, user, access_token, grant_id: granted.grant_id };
  }

  /** Go to X's consent page as a user does and decide. Returns the path that X sends the browser to. */
  async function consent(
    authorizeUrl: string,
    userId: string,
    decision: "authorize" | "cancel" = "authorize",
  ) {
    const form = new URLSearchParams({ user_id: userId, decision });
    const answer = await x.fetch(new Request(authorizeUrl, { method: "POST", body: form }));
    const back = new URL(answer.headers.get("location") ?? "");
    keep(back.searchParams.get("code"));
    return back.pathname + back.search;
  }

  const databaseOf = (id: string): D1Database => (id.endsWith("1") ? bound.DB_1 : bound.DB);

  return {
    env,
    app,
    x,
    log,
    messages,
    sleeps,
    ask,
    call,
    client,
    key,
    account,
    xAccount,
    consent,
    keep,
    /** What must never be heard, logged or stored in the clear: keys, tokens, codes. */
    secrets: () => [...secrets],
    now: () => time,
    advance: (ms: number) => {
      time += ms;
    },
    /** What happens meanwhile when the producer waits. */
    whileAsleep: (what: (at: number) => Promise<void> | void) => {
      whileAsleep = what;
    },
    /** Let statements fail whose SQL this finds fault with. */
    breakDatabases: (how: (sql: string) => Error | null) => {
      fault = how;
    },
    /** What goes on after the answers have left. */
    settled: () => Promise.all(works),
    logged: (event: string) => log.filter((line) => line.event === event),
    /** A client with its key and an account, and a way to take a job for it. */
    async tenant(of: { shard?: "0" | "1" } = {}) {
      const { id, key } = await client();
      const account_id = await account(id, of);
      const post = (fields: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
        call("POST", "/v1/tweets", { key, body: { account_id, text: "hello", ...fields }, headers });
      return { id, key, account_id, post };
    },
    /** Set columns of a job, as the engine would. */
    async setJob(id: string, columns: Partial<JobRow>): Promise<void> {
      if (Object.keys(columns).length === 0) return;
      const names = Object.keys(columns).map((name) => `${name} = ?`);
      await databaseOf(id)
        .prepare(`UPDATE jobs SET ${names.join(", ")} WHERE id = ?`)
        .bind(...Object.values(columns), id)
        .run();
    },
    /** Set when a lane next has something to do. */
    async setLane(lane: string, next_at: number | null): Promise<void> {
      await databaseOf(lane).prepare("UPDATE lanes SET next_at = ? WHERE lane = ?").bind(next_at, lane).run();
    },
    async row<Row>(id: string, table: string): Promise<Row | null> {
      return databaseOf(id).prepare(`SELECT * FROM ${table} WHERE id = ?`).bind(id).first<Row>();
    },
    /** Close a gate. */
    async closeGate(accountId: string, name: string, reason: string, open_at: number): Promise<void> {
      await databaseOf(accountId)
        .prepare(`INSERT INTO gates (name, open_at, reason, updated_at) VALUES (?, ?, ?, ?)`)
        .bind(name, open_at, reason, time)
        .run();
    },
  };
}

/** The pointers and codes of a problem's errors, for comparing. */
export const mistakes = ({ errors }: Body): string[] =>
  errors.map(({ pointer, code }) => `${pointer} ${code}`).sort();

/** A body in chunks, without a Content-Length. */
export function chunked(bytes: number): { stream: ReadableStream<Uint8Array>; read: () => number } {
  const chunk = new Uint8Array(64 * 1024).fill(32);
  let read = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (read >= bytes) {
          controller.close();
          return;
        }
        read += chunk.length;
        controller.enqueue(chunk);
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, read: () => read };
}

export const CONNECTION_LOST = new Error("D1_ERROR: Network connection lost.");

/** A database whose statements fail when `fault` finds something in their SQL. */
function faulty(db: D1Database, fault: (sql: string) => Error | null): D1Database {
  const real = new WeakMap<D1PreparedStatement, { statement: D1PreparedStatement; sql: string }>();
  const wrap = (statement: D1PreparedStatement, sql: string): D1PreparedStatement => {
    const run = (name: "first" | "all" | "run") => async () => {
      const error = fault(sql);
      if (error) throw error;
      return statement[name]();
    };
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values), sql),
      first: run("first"),
      all: run("all"),
      run: run("run"),
    } as unknown as D1PreparedStatement;
    real.set(wrapped, { statement, sql });
    return wrapped;
  };
  return {
    prepare: (sql: string) => wrap(db.prepare(sql), sql),
    async batch(statements: D1PreparedStatement[]) {
      const known = statements.map((one) => real.get(one) ?? { statement: one, sql: "" });
      const error = known.map(({ sql }) => fault(sql)).find((one) => one !== null);
      if (error) throw error;
      return db.batch(known.map(({ statement }) => statement));
    },
  } as unknown as D1Database;
}
