import { env } from "cloudflare:workers";
import type { Connecting } from "#core/accounts/connect";
import { text } from "#core/lib/bytes";
import { openRing } from "#core/lib/seal";
import { strict } from "./database.ts";
import { TEST_RING, type Call } from "./harness.ts";
import { NOW } from "./rows.ts";

export const REDIRECT_URI = "https://proxy.test/oauth/callback";

/** What X gives for a code. */
export const grant = (change: object = {}): Response =>
  Response.json({
    token_type: "bearer",
    expires_in: 7200,
    access_token: "access-1",
    refresh_token: "refresh-1",
    scope: "tweet.read tweet.write users.read offline.access",
    ...change,
  });

/** Whose it is. */
export const ada = (): Response => Response.json({ data: { id: "12", username: "ada", name: "Ada" } });

/** What connecting an account runs on, with X as the test says. Form bodies are read as they came. */
export async function createConnecting(options: { sharded?: boolean } = {}) {
  let time = NOW;
  let answer: (call: Call) => Response = ({ path }) => (path === "/2/oauth2/token" ? grant() : ada());
  const calls: Call[] = [];
  const connecting: Connecting = {
    databases: { DB: strict(env.DB), ...(options.sharded && { DB_1: strict(env.DB_1) }) },
    kv: env.TOKENS,
    ring: await openRing(TEST_RING, "TOKEN_KEYS"),
    clock: { now: () => time, stored: () => time, sleep: () => scheduler.wait(0) },
    random: () => 0.5,
    network: async (request, init) => {
      const asked = new Request(request, init);
      const call: Call = {
        method: asked.method,
        path: new URL(asked.url).pathname,
        body: Object.fromEntries(new URLSearchParams(text(new Uint8Array(await asked.arrayBuffer())))),
        at: time,
        authorization: asked.headers.get("authorization"),
      };
      calls.push(call);
      return answer(call);
    },
    x_url: "https://x.test",
    x_authorize_url: "https://x.test/i/oauth2/authorize",
    x_client_id: "our-app",
    x_client_secret: "hush",
    redirect_uri: REDIRECT_URI,
  };
  return {
    connecting,
    calls,
    answer: (how: typeof answer) => {
      answer = how;
    },
    advance: (ms: number) => {
      time += ms;
    },
  };
}
