import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { appPlace, createApps, DEFAULT_APP_ID } from "#core/accounts/apps";
import {
  beginConnect,
  DEFAULT_SCOPES,
  finishConnect,
  type Callback,
  type Connecting,
} from "#core/accounts/connect";
import { newId } from "#core/lib/ids";
import { openRing } from "#core/lib/seal";
import { createSimulator } from "../../../simulator/simulator.ts";
import * as apps from "#core/store/apps";
import { TEST_RING } from "../../support/harness.ts";
import { empty } from "../../support/rows.ts";

const RETURN_URL = "https://client.test/back";
const ASK = {
  client_id: "cli_x0",
  app_id: DEFAULT_APP_ID,
  return_url: RETURN_URL,
  scopes: DEFAULT_SCOPES,
  metadata: null,
  actor: "key_x0",
};

async function connecting(parts: Partial<Connecting> = {}) {
  await Promise.all([env.DB, env.DB_1].map(empty));
  let time = Date.UTC(2026, 10, 23, 12);
  const x = createSimulator({ now: () => time });
  x.createApp({
    client_id: "x-app",
    client_secret: "secret",
    redirect_uris: ["https://proxy.test/oauth/callback"],
  });
  const asked: Request[] = [];
  const log: string[] = [];
  const ring = await openRing(TEST_RING, "TOKEN_KEYS");
  const network: Connecting["network"] =
    parts.network ??
    ((request, init) => {
      const sent = new Request(request, init);
      asked.push(sent.clone());
      return x.fetch(sent);
    });
  const databases = { DB: env.DB, DB_1: env.DB_1 };
  const by: Connecting = {
    databases,
    kv: env.TOKENS,
    ring,
    clock: { now: () => time, stored: () => time, sleep: async () => undefined },
    random: () => 0.5,
    network,
    x_url: "https://x.test",
    x_authorize_url: "https://x.test/i/oauth2/authorize",
    apps: createApps({
      databases,
      ring,
      network,
      x_url: "https://x.test",
      now: () => time,
      fallback: { client_id: "x-app", client_secret: "secret" },
    }),
    redirect_uri: "https://proxy.test/oauth/callback",
    lane_names: ["tweets"],
    log: (event, fields) => log.push(JSON.stringify({ event, ...fields })),
    ...parts,
  };
  const user = x.createUser({ username: "someone" });
  /** Let the user allow the app; what X's callback brings. */
  const allow = async (url: string): Promise<Callback> => {
    const form = new URLSearchParams({ user_id: user.id, decision: "authorize" });
    const answer = await x.fetch(new Request(url, { method: "POST", body: form }));
    const { searchParams } = new URL(answer.headers.get("location") ?? "");
    return { state: searchParams.get("state") ?? "", code: searchParams.get("code"), error: null };
  };
  /** Begin a connect; where it sends the user's browser. */
  const begin = async (change: Partial<typeof ASK> = {}): Promise<string> =>
    (await beginConnect(by, { ...ASK, ...change })) ?? "";
  return { by, x, ring, log, user, asked, begin, allow, advance: (ms: number) => (time += ms) };
}

const challengeFor = async (verifier: string): Promise<string> => {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return btoa(String.fromCharCode(...new Uint8Array(digest)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
};

test("the code is proved with the verifier whose S256 challenge the user was sent with", async () => {
  const { by, begin, asked, allow } = await connecting();
  const url = await begin();
  const { searchParams } = new URL(url);
  expect(searchParams.get("code_challenge_method")).toBe("S256");
  expect(await finishConnect(by, await allow(url))).toMatchObject({
    return_url: RETURN_URL,
    reconnected: false,
  });
  const form = new URLSearchParams(await asked[0]?.text());
  expect(await challengeFor(form.get("code_verifier") ?? "")).toBe(searchParams.get("code_challenge"));
  expect(url).not.toContain(form.get("code_verifier"));
});

test("no two connects share a state or a verifier", async () => {
  const { begin } = await connecting();
  const urls = await Promise.all([1, 2, 3].map(() => begin()));
  for (const name of ["state", "code_challenge"])
    expect(new Set(urls.map((url) => new URL(url).searchParams.get(name))).size).toBe(3);
});

describe("the callback ends", () => {
  test("with the account and whether it was here before", async () => {
    const { by, begin, allow } = await connecting();
    const first = await finishConnect(by, await allow(await begin()));
    const again = await finishConnect(by, await allow(await begin()));
    expect(first).toEqual({
      return_url: RETURN_URL,
      account_id: expect.stringMatching(/^acc_/) as string,
      client_id: ASK.client_id,
      reconnected: false,
      wakes: [],
    });
    expect(again).toEqual({ ...first, reconnected: true });
  });

  test("nowhere when the state is not ours, and X is not asked", async () => {
    const { by, begin, asked, allow } = await connecting();
    const { state, code } = await allow(await begin());
    for (const forged of [
      "",
      "0",
      `${state}0`,
      `${state.startsWith("x") ? "y" : "x"}${state.slice(1)}`,
      `${state.slice(0, -1)}1`,
      `${state.slice(0, -1)}z`,
    ])
      expect(await finishConnect(by, { state: forged, code, error: null })).toEqual({ return_url: null });
    expect(asked).toEqual([]);
    expect(await finishConnect(by, { state, code, error: null })).toHaveProperty("account_id");
  });

  test("nowhere at its second use, also when the first came to nothing", async () => {
    const { by, begin, x, allow } = await connecting();
    const callback = await allow(await begin());
    x.setFaults([{ fault: { kind: "drop" } }]);
    expect(await finishConnect(by, callback)).toEqual({ return_url: RETURN_URL, error: "x_unavailable" });
    x.setFaults([]);
    expect(await finishConnect(by, callback)).toEqual({ return_url: null });
  });

  test("nowhere after ten minutes", async () => {
    const { by, begin, allow, advance } = await connecting();
    const callback = await allow(await begin());
    advance(600_000);
    expect(await finishConnect(by, callback)).toEqual({ return_url: null });
  });

  test.each<[string | null, string | null, string]>([
    ["access_denied", null, "access_denied"],
    ["server_error", null, "x_unavailable"],
    ["temporarily_unavailable", null, "x_unavailable"],
    ["invalid_scope", null, "x_invalid_request"],
    ["unauthorized_client", null, "x_invalid_request"],
    ["constructor", null, "x_invalid_request"],
    ["", null, "x_invalid_request"],
    ["access_denied", "a-code", "access_denied"],
    [null, null, "x_unexpected"],
  ])("when X says %s and gives the code %s, with %s, and X is not asked", async (error, code, said) => {
    const { by, begin, asked, allow } = await connecting();
    const { state } = await allow(await begin());
    expect(await finishConnect(by, { state, code, error })).toEqual({ return_url: RETURN_URL, error: said });
    expect(asked).toEqual([]);
  });

  test("with internal when the key that sealed the verifier is lost, and the log says so", async () => {
    const { by, begin, log, allow } = await connecting();
    const callback = await allow(await begin());
    const ring = await openRing(`other:${"B".repeat(43)}`, "TOKEN_KEYS");
    expect(await finishConnect({ ...by, ring }, callback)).toEqual({
      return_url: RETURN_URL,
      error: "internal",
    });
    expect(log.join()).toContain('TOKEN_KEYS lacks the key \\"test\\" that sealed this');
    expect(await finishConnect(by, callback)).toEqual({ return_url: null });
  });

  test("with account_in_use for another client", async () => {
    const { by, begin, allow } = await connecting();
    await finishConnect(by, await allow(await begin()));
    const other = await begin({ client_id: "cli_y1" });
    expect(await finishConnect(by, await allow(other))).toEqual({
      return_url: RETURN_URL,
      error: "account_in_use",
    });
  });

  test("by the state's own database, wherever its client lives", async () => {
    const { by, begin, allow } = await connecting();
    const url = await begin({ client_id: "cli_y1" });
    const { results } = await env.DB_1.prepare("SELECT client_id FROM oauth_states").all();
    expect(results).toEqual([{ client_id: "cli_y1" }]);
    expect(await finishConnect(by, await allow(url))).toHaveProperty("account_id");
  });
});

describe("an app", () => {
  const stored = async (x: Awaited<ReturnType<typeof connecting>>, secret: string | null) => {
    const id = newId("app", "0", Date.now());
    const sealed = secret === null ? null : await x.ring.seal(secret, appPlace(id));
    const row = { id, client_id: "cli_x0", name: "", x_client_id: "theirs", secret: sealed, created_at: 1 };
    await apps.insert(env.DB, row).run();
    return id;
  };

  test.each(["their-secret", null])(
    "of a tenant, with the secret %s, is the one that asks",
    async (secret) => {
      const x = await connecting();
      x.x.createApp({
        client_id: "theirs",
        client_secret: secret,
        redirect_uris: ["https://proxy.test/oauth/callback"],
      });
      const url = await x.begin({ app_id: await stored(x, secret) });
      expect(new URL(url).searchParams.get("client_id")).toBe("theirs");
      expect(await finishConnect(x.by, await x.allow(url))).toHaveProperty("account_id");
      const basic = secret === null ? null : `Basic ${btoa(`theirs:${secret}`)}`;
      expect(x.asked[0]?.headers.get("authorization")).toBe(basic);
    },
  );

  test("that is not there begins nothing", async () => {
    const { by, begin } = await connecting();
    expect(await begin({ app_id: newId("app", "0", 1) })).toBe("");
    expect(await env.DB.prepare("SELECT * FROM oauth_states").first()).toBeNull();
    expect(await beginConnect({ ...by, apps: { find: async () => null } }, ASK)).toBeNull();
  });

  test("that was deleted meanwhile ends it with app_deleted, and X is not asked", async () => {
    const { by, begin, asked, allow } = await connecting();
    const callback = await allow(await begin());
    expect(await finishConnect({ ...by, apps: { find: async () => null } }, callback)).toEqual({
      return_url: RETURN_URL,
      error: "app_deleted",
    });
    expect(asked).toEqual([]);
  });

  test("whose secret does not open ends it with internal", async () => {
    const x = await connecting();
    const id = await stored(x, "hush");
    const callback = await x.allow(await x.begin());
    await env.DB.prepare("UPDATE oauth_states SET app_id = ?").bind(id).run();
    await env.DB.prepare("UPDATE apps SET secret = 'lost.AAAA.AAAA'").run();
    expect(await finishConnect(x.by, callback)).toEqual({ return_url: RETURN_URL, error: "internal" });
  });
});

test("the verifier of one state does not open as another's", async () => {
  const { by, begin, allow } = await connecting();
  const [one, two] = [await begin(), await begin()];
  const rows = (
    await env.DB.prepare("SELECT * FROM oauth_states").all<{ state_hash: string; verifier: string }>()
  ).results;
  for (const row of rows)
    await env.DB.prepare("UPDATE oauth_states SET verifier = ? WHERE state_hash <> ?")
      .bind(row.verifier, row.state_hash)
      .run();
  for (const url of [one, two])
    expect(await finishConnect(by, await allow(url))).toEqual({ return_url: RETURN_URL, error: "internal" });
});

test("a state that the database does not say is not available, and may be brought again", async () => {
  const { by, begin, allow } = await connecting();
  const callback = await allow(await begin());
  const prepare = () => {
    throw new Error("D1_ERROR: something new");
  };
  const databases = { DB: { prepare } as unknown as D1Database };
  await expect(finishConnect({ ...by, databases }, callback)).rejects.toThrow("unavailable");
  expect(await finishConnect(by, callback)).toHaveProperty("account_id");
});

test("an X that lets us wait for ever is given up", async () => {
  const network = (_: Request | string, init?: RequestInit) =>
    new Promise<Response>((_resolve, reject) => {
      init?.signal?.addEventListener("abort", () => {
        reject(new Error("aborted"));
      });
      expect(init?.signal).toBeDefined();
      reject(new Error("authorization: Bearer secret"));
    });
  const { by, begin, allow } = await connecting({ network });
  const ended = await finishConnect(by, await allow(await begin()));
  expect(ended).toEqual({ return_url: RETURN_URL, error: "x_unavailable" });
});
