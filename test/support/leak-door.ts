import { env as bound } from "cloudflare:workers";
import { randomText } from "#core/lib/ids";
import type { Fetch } from "#core/x/client";
import { strict } from "./database.ts";
import { openDoor, ORIGIN, RETURN_URL, type Asked } from "./door.ts";
import {
  awkwardSecret,
  keysIn,
  heardIn,
  keptIn,
  listeningTo,
  listen,
  randomRing,
  type Heard,
} from "./leaks.ts";
import { createMarks, emptyKv } from "./marks.ts";
import { failingStatements, telltaleBinding, telltaleDatabase } from "./telltale.ts";
import type { Failure } from "./x-failures.ts";

/** One request as a route wants it. */
export type Step = { method: string; path: string } & Asked;

export type LeakDoor = Awaited<ReturnType<typeof openLeakDoor>>;

/** What of an answer is meant to be seen by whoever asked, and by nobody else: each is shown once. */
const SHOWN: Record<string, { field: string; secret: (shown: string) => string }> = {
  "POST /v1/keys": { field: "key", secret: (key) => key },
  "POST /v1/sessions": { field: "token", secret: (token) => token },
  "POST /v1/webhook-endpoints": { field: "secret", secret: (secret) => secret },
  "POST /v1/clients": { field: "webhook_secret", secret: (secret) => secret },
  "POST /v1/accounts/connect": {
    field: "authorize_url",
    secret: (url) => new URL(url).searchParams.get("state") ?? "",
  },
};

/**
 * The producer with secrets that are marked everywhere: its own, those of a client and of its X app, and all that X gives.
 * D1, KV, the queues and X fail when told to, each with an error or an answer that quotes what it was given.
 */
export async function openLeakDoor() {
  await emptyKv(bound.TOKENS);
  const marks = createMarks();
  const heard: Heard[] = listen(marks);
  const codes = new Set<string>();
  const statements = failingStatements();
  let bindings: string | null = null;
  let failing: { path: string; failure: Failure } | null = null;
  const own = { ADMIN_KEY: awkwardSecret(), X_CLIENT_SECRET: awkwardSecret(), tenant: awkwardSecret() };
  const rings = {
    TOKEN_KEYS: randomRing("t1"),
    SESSION_KEYS: randomRing("s1"),
    WEBHOOK_KEYS: randomRing("w1"),
  };
  for (const [name, secret] of Object.entries(own)) marks.know(name, secret);
  for (const [name, ring] of Object.entries(rings)) marks.know(name, keysIn(ring)[0]);

  const perBinding = { next: () => bindings };
  const queue = {
    sendBatch: async (batch: unknown) => {
      heard.push({ where: "queue", text: JSON.stringify(batch) });
    },
  };
  let x: (request: Request) => Promise<Response> = () => Promise.reject(new Error("too early"));
  const network: Fetch = listeningTo(
    (request) => x(request),
    marks,
    () => failing,
  );
  const door = await openDoor(
    {
      ADMIN_KEY: own.ADMIN_KEY,
      X_CLIENT_SECRET: own.X_CLIENT_SECRET,
      ...rings,
      DB: telltaleDatabase(strict(bound.DB), statements),
      DB_1: telltaleDatabase(strict(bound.DB_1), statements),
      TOKENS: telltaleBinding(bound.TOKENS, perBinding),
      TWEETS: telltaleBinding(queue, perBinding) as unknown as Queue,
      REFRESH: telltaleBinding(queue, perBinding) as unknown as Queue,
      WEBHOOKS: telltaleBinding(queue, perBinding) as unknown as Queue,
      UPLOADS: telltaleBinding(queue, perBinding) as unknown as Queue,
      KEY_LIMITER: telltaleBinding(bound.KEY_LIMITER, perBinding),
    },
    { network },
  );
  x = door.x.fetch;
  const redirect_uris = [`${ORIGIN}/oauth/callback`];
  door.x.createApp({ client_id: "x-app", client_secret: own.X_CLIENT_SECRET, redirect_uris });
  door.x.createApp({ client_id: "x-tenant", client_secret: own.tenant, redirect_uris });

  /** Ask, and hear all of the answer but what it is meant to show. */
  async function send({ method, path, ...asked }: Step): Promise<Response> {
    const answer = await door.ask(method, path, asked);
    let said = await answer.clone().text();
    const { field, secret } = SHOWN[`${method} ${path}`] ?? {};
    if (answer.ok && field !== undefined && secret) {
      const shown = String((JSON.parse(said) as Record<string, unknown>)[field]);
      marks.know(`the ${field} of ${path}`, secret(shown).slice(-SECRET_PART));
      said = said.replace(secret(shown), "");
    }
    const { code } = (answer.status >= 400 && said.startsWith("{") ? JSON.parse(said) : {}) as {
      code?: string;
    };
    const location = answer.headers.get("location") ?? "";
    const error = /[?&]error=(\w+)/.exec(location)?.[1];
    for (const one of [code, error]) if (one !== undefined) codes.add(one);
    heard.push({ where: `${method} ${path.split("?")[0] ?? ""} ${answer.status}`, text: said });
    heard.push({ where: "headers", text: JSON.stringify([...answer.headers]) });
    return answer;
  }

  const read = async <Body = { id: string }>(step: Step): Promise<Body> => (await send(step)).json();

  /** A client with a key, as whoever runs this makes one. */
  async function client(scopes: string[] = ALL) {
    const admin = { key: own.ADMIN_KEY };
    const { id } = await read({
      method: "POST",
      path: "/v1/clients",
      ...admin,
      body: { name: "a", return_urls: [RETURN_URL] },
    });
    const made = await read<{ key: string; id: string }>({
      method: "POST",
      path: "/v1/keys",
      ...admin,
      body: { client_id: id, scopes },
    });
    return { id, key: made.key, key_id: made.id };
  }

  /** Begin to connect an account and let a user decide; the path that X sends the browser to. */
  async function consented(key: string, of: { app_id?: string; user_id?: string; decision?: "cancel" } = {}) {
    const { app_id, decision, user_id = door.x.createUser({ username: randomText(12) }).id } = of;
    const body = { return_url: RETURN_URL, ...(app_id !== undefined && { app_id }) };
    const { authorize_url } = await read<{ authorize_url: string }>({
      method: "POST",
      path: "/v1/accounts/connect",
      key,
      body,
    });
    const path = await door.consent(authorize_url, user_id, decision);
    marks.know("a code", new URLSearchParams(path.split("?")[1]).get("code"));
    return path;
  }

  /** A connected account of the client's. */
  async function account(key: string, of: { app_id?: string; user_id?: string } = {}): Promise<string> {
    const answer = await send({ method: "GET", path: await consented(key, of) });
    return new URL(answer.headers.get("location") ?? "").searchParams.get("account_id") ?? "";
  }

  const app = async (key: string): Promise<string> =>
    (
      await read({
        method: "POST",
        path: "/v1/apps",
        key,
        body: { x_client_id: "x-tenant", x_client_secret: own.tenant },
      })
    ).id;

  const session = async (key: string): Promise<string> =>
    (
      await read<{ token: string }>({
        method: "POST",
        path: "/v1/sessions",
        key,
        body: { scopes: ["jobs:read"] },
      })
    ).token;

  return {
    door,
    own,
    marks,
    codes,
    send,
    read,
    client,
    consented,
    account,
    app,
    session,
    failStatements: statements.fail,
    ran: statements.ran,
    /** Let KV, the queues and the limiter fail. */
    failBindings: (words: string | null) => {
      bindings = words;
    },
    /** Let X fail at a path. */
    failX: (path: string, failure: Failure | null) => {
      failing = failure && { path, failure };
    },
    /** What came out that must not. `said`: only what was heard, for that is quickly told. */
    leaks: async (of: "all" | "said" = "all") => {
      await door.settled();
      const lines = door.log
        .splice(0)
        .map((line) => ({ where: `log ${line.event}`, text: JSON.stringify(line) }));
      const messages = door.messages.map((message) => ({ where: "queue", text: JSON.stringify(message) }));
      const all = [...heard.splice(0), ...lines, ...messages];
      return [...heardIn(marks, all), ...(of === "all" ? await keptIn(marks) : [])];
    },
  };
}

/** The beginning of a key is its prefix, and that of a token is the same in all of them: neither is a secret. */
const SECRET_PART = 40;
const ALL = [
  "jobs:read",
  "jobs:write",
  "media:write",
  "accounts:read",
  "accounts:write",
  "webhooks:write",
  "admin",
];
