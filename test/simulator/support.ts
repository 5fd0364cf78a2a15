import { createSimulator, type Simulator, type SimulatorOptions } from "../../simulator/simulator.ts";

/** 2026-11-23T00:00:00Z, the moment every test begins at. */
export const start = Date.UTC(2026, 10, 23);
export const everything = ["tweet.read", "tweet.write", "users.read", "media.write", "offline.access"];
export const callback = "https://app.test/callback";

export type Reply = { status: number; headers: Headers; body: unknown };
type Sent = {
  token?: string;
  body?: unknown;
  form?: Record<string, string>;
  headers?: Record<string, string>;
};

/** A simulator on a clock of its own, with an app of each kind, a user, and tokens of that user. */
export function newX(options: SimulatorOptions = {}, scopes = everything) {
  const clock = { now: start };
  const x = createSimulator({ now: () => clock.now, ...options });
  x.createApp({ client_id: "secretive", client_secret: "hush", redirect_uris: [callback] });
  x.createApp({ client_id: "open", redirect_uris: [callback] });
  const user = x.createUser({ username: "ada" });
  const tokens = x.createGrant({ client_id: "open", user_id: user.id, scopes });
  const token = tokens.access_token;
  const send = (method: string, path: string, sent: Sent = {}) => ask(x, method, path, { token, ...sent });
  const post = (text: string, more: object = {}) => send("POST", "/2/tweets", { body: { text, ...more } });
  return { x, clock, user, tokens, token, send, post };
}

/** One request, its answer's JSON read; a body that is not JSON comes as text. */
export async function ask(x: Simulator, method: string, path: string, sent: Sent): Promise<Reply> {
  const headers = new Headers(sent.token === undefined ? {} : { authorization: `Bearer ${sent.token}` });
  if (sent.body !== undefined) headers.set("content-type", "application/json");
  if (sent.form) headers.set("content-type", "application/x-www-form-urlencoded");
  for (const [name, value] of Object.entries(sent.headers ?? {})) headers.set(name, value);
  const form = sent.form && new URLSearchParams(sent.form).toString();
  const body = sent.body === undefined ? (form ?? null) : JSON.stringify(sent.body);
  const response = await x.fetch(new Request(`https://x.test${path}`, { method, headers, body }));
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: parsed(text) };
}

/** The id of a post just made. */
export function idOf(reply: Reply): string {
  return (reply.body as { data: { id: string } }).data.id;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
