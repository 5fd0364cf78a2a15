import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { beginConnect, DEFAULT_SCOPES, finishConnect, type Connecting } from "#core/accounts/connect";
import { openRing } from "#core/lib/seal";
import { createSimulator } from "../../../simulator/simulator.ts";
import { TEST_RING } from "../../support/harness.ts";
import { empty } from "../../support/rows.ts";

const RETURN_URL = "https://client.test/back";
const ASK = {
  client_id: "cli_x0",
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
  const by: Connecting = {
    databases: { DB: env.DB, DB_1: env.DB_1 },
    kv: env.TOKENS,
    ring: await openRing(TEST_RING, "TOKEN_KEYS"),
    clock: { now: () => time, stored: () => time, sleep: async () => undefined },
    random: () => 0.5,
    network: (request, init) => {
      const sent = new Request(request, init);
      asked.push(sent.clone());
      return x.fetch(sent);
    },
    x_url: "https://x.test",
    x_authorize_url: "https://x.test/i/oauth2/authorize",
    x_client_id: "x-app",
    x_client_secret: "secret",
    redirect_uri: "https://proxy.test/oauth/callback",
    ...parts,
  };
  const user = x.createUser({ username: "someone" });
  /** Let the user allow the app; what X's callback brings. */
  const allow = async (url: string) => {
    const form = new URLSearchParams({ user_id: user.id, decision: "authorize" });
    const answer = await x.fetch(new Request(url, { method: "POST", body: form }));
    const { searchParams } = new URL(answer.headers.get("location") ?? "");
    return { state: searchParams.get("state") ?? "", code: searchParams.get("code") };
  };
  return { by, x, user, asked, allow, advance: (ms: number) => (time += ms) };
}

const challengeFor = async (verifier: string): Promise<string> => {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return btoa(String.fromCharCode(...new Uint8Array(digest)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
};

test("the code is proved with the verifier whose S256 challenge the user was sent with", async () => {
  const { by, asked, allow } = await connecting();
  const url = await beginConnect(by, ASK);
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
  const { by } = await connecting();
  const urls = await Promise.all([1, 2, 3].map(() => beginConnect(by, ASK)));
  for (const name of ["state", "code_challenge"])
    expect(new Set(urls.map((url) => new URL(url).searchParams.get(name))).size).toBe(3);
});

describe("the callback ends", () => {
  test("with the account and whether it was here before", async () => {
    const { by, allow } = await connecting();
    const first = await finishConnect(by, await allow(await beginConnect(by, ASK)));
    const again = await finishConnect(by, await allow(await beginConnect(by, ASK)));
    expect(first).toEqual({
      return_url: RETURN_URL,
      account_id: expect.stringMatching(/^acc_/) as string,
      reconnected: false,
    });
    expect(again).toEqual({ ...first, reconnected: true });
  });

  test("nowhere when the state is not ours, and X is not asked", async () => {
    const { by, asked, allow } = await connecting();
    const { state, code } = await allow(await beginConnect(by, ASK));
    for (const forged of [
      "",
      "0",
      `${state}0`,
      `${state.startsWith("x") ? "y" : "x"}${state.slice(1)}`,
      `${state.slice(0, -1)}1`,
      `${state.slice(0, -1)}z`,
    ])
      expect(await finishConnect(by, { state: forged, code })).toEqual({ return_url: null });
    expect(asked).toEqual([]);
    expect(await finishConnect(by, { state, code })).toHaveProperty("account_id");
  });

  test("nowhere at its second use, also when the first came to nothing", async () => {
    const { by, x, allow } = await connecting();
    const callback = await allow(await beginConnect(by, ASK));
    x.setFaults([{ fault: { kind: "drop" } }]);
    expect(await finishConnect(by, callback)).toEqual({ return_url: RETURN_URL, error: "x_unavailable" });
    x.setFaults([]);
    expect(await finishConnect(by, callback)).toEqual({ return_url: null });
  });

  test("nowhere after ten minutes", async () => {
    const { by, allow, advance } = await connecting();
    const callback = await allow(await beginConnect(by, ASK));
    advance(600_000);
    expect(await finishConnect(by, callback)).toEqual({ return_url: null });
  });

  test("with a no when there is no code, and X is not asked", async () => {
    const { by, asked, allow } = await connecting();
    const { state } = await allow(await beginConnect(by, ASK));
    expect(await finishConnect(by, { state, code: null })).toEqual({
      return_url: RETURN_URL,
      error: "access_denied",
    });
    expect(asked).toEqual([]);
  });

  test("with account_in_use for another client", async () => {
    const { by, allow } = await connecting();
    await finishConnect(by, await allow(await beginConnect(by, ASK)));
    const other = await beginConnect(by, { ...ASK, client_id: "cli_y1" });
    expect(await finishConnect(by, await allow(other))).toEqual({
      return_url: RETURN_URL,
      error: "account_in_use",
    });
  });

  test("by the state's own database, wherever its client lives", async () => {
    const { by, allow } = await connecting();
    const url = await beginConnect(by, { ...ASK, client_id: "cli_y1" });
    const { results } = await env.DB_1.prepare("SELECT client_id FROM oauth_states").all();
    expect(results).toEqual([{ client_id: "cli_y1" }]);
    expect(await finishConnect(by, await allow(url))).toHaveProperty("account_id");
  });
});

test("the verifier of one state does not open as another's", async () => {
  const { by, allow } = await connecting();
  const [one, two] = [await beginConnect(by, ASK), await beginConnect(by, ASK)];
  const rows = (
    await env.DB.prepare("SELECT * FROM oauth_states").all<{ state_hash: string; verifier: string }>()
  ).results;
  for (const row of rows)
    await env.DB.prepare("UPDATE oauth_states SET verifier = ? WHERE state_hash <> ?")
      .bind(row.verifier, row.state_hash)
      .run();
  const ended = await Promise.allSettled([one, two].map(async (url) => finishConnect(by, await allow(url))));
  expect(ended.map(({ status }) => status).sort()).toEqual(["rejected", "rejected"]);
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
  const { by, allow } = await connecting({ network });
  const ended = await finishConnect(by, await allow(await beginConnect(by, ASK)));
  expect(ended).toEqual({ return_url: RETURN_URL, error: "x_unavailable" });
});
