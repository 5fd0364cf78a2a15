import { type Answer, readAnswer } from "./answer.ts";
import { classify } from "./classify.ts";
import { type Endpoint, windowOf } from "./endpoints.ts";
import type { Rate } from "./headers.ts";
import { Refusal } from "./refusal.ts";
import { readWords } from "./words.ts";

/** The network, passed in. */
export type Fetch = (request: Request | string, init?: RequestInit) => Promise<Response>;

/** How long one request may take: `timeout_ms` from now, and not past `deadline` (epoch ms) or `signal`. */
export type Limits = {
  now: () => number;
  timeout_ms?: number | undefined;
  deadline?: number | undefined;
  signal?: AbortSignal | undefined;
};

export type XClientOptions = Limits & {
  fetch: Fetch;
  baseUrl: string;
  accessToken: string;
  /** Hears the rate headers of every answer, good or bad, by their window. */
  onReading?: ((window: string, rate: Rate) => void) | undefined;
  /** Hears of every call that was sent: the status of its answer, or null when there was none. */
  onAnswer?: ((endpoint: Endpoint, status: number | null) => void) | undefined;
  /** Hears whether X was well: it answered, and not with a 5xx. */
  onHealth?: ((endpoint: Endpoint, well: boolean) => void) | undefined;
  /** Hears of every call that X carried out, and so bills: what was sent, and what came back. */
  onBilled?: ((endpoint: Endpoint, body: unknown, answer: unknown) => void) | undefined;
  userAgent?: string | undefined;
};

export type AskOptions = {
  /** Fill `:word` in the path. */
  params?: Record<string, string>;
  query?: Record<string, string | number | undefined>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, in the place of `body`. */
  form?: { type: string; bytes: Uint8Array<ArrayBuffer> };
};

export type CallOptions<T> = AskOptions & {
  /** What the caller needs from a 2xx (`json` is undefined when there was none); undefined means: not there. */
  expect: (json: unknown) => T | undefined;
  /** What a 404 means to this caller; without it, a 404 is a refusal. */
  absent?: T;
  /** Which refusal it is in the place of a 404, by X's words. */
  isAbsent?: (answer: { status: number; json: unknown; detail: string | null }) => boolean;
};

export type XClient = {
  /** What `expect` finds in a 2xx. Throws a `Refusal` on anything else. */
  call: <T>(endpoint: Endpoint, options: CallOptions<T>) => Promise<T>;
  /** The answer as it came, whatever it says. Never throws. */
  ask: (endpoint: Endpoint, options: AskOptions) => Promise<Answer>;
};

/** An empty 404 is an unknown route: an outage of X, not a thing that is gone. */
const isMissing = ({ status, json }: { status: number; json: unknown }): boolean =>
  status === 404 && json !== undefined;

const TIMEOUT_MS = 20_000;

/** Speak to X for one account. */
export function createXClient(options: XClientOptions): XClient {
  async function ask(endpoint: Endpoint, { params, query, body, form }: AskOptions): Promise<Answer> {
    const answer = await send(
      options.fetch,
      urlOf(options.baseUrl, endpoint, params, query),
      {
        method: endpoint.method,
        headers: headersOf(options, form?.type ?? (body === undefined ? null : "application/json")),
        body: form?.bytes ?? (body === undefined ? null : JSON.stringify(body)),
        secrets: [options.accessToken],
      },
      options,
    );
    if (!("unreachable" in answer)) options.onAnswer?.(endpoint, answer.status);
    else if (answer.unreachable !== "unsent") options.onAnswer?.(endpoint, null);
    if (!("unreachable" in answer)) {
      options.onHealth?.(endpoint, answer.status < 500);
      options.onReading?.(windowOf(endpoint), answer.rate);
    } else if (answer.unreachable !== "unsent") options.onHealth?.(endpoint, false);
    return answer;
  }

  return {
    ask,
    async call(endpoint, { expect, absent, isAbsent = isMissing, ...asked }) {
      const answer = await ask(endpoint, asked);
      if ("unreachable" in answer) throw new Refusal(classify(answer, endpoint, options.now()));
      if (absent !== undefined && isAbsent({ ...answer, detail: readWords(answer).detail })) return absent;
      const found = answer.status >= 200 && answer.status < 300 ? expect(answer.json) : undefined;
      // Of a tweet without its id nobody knows whether there is one: it is billed when it is found.
      if (found === undefined) throw new Refusal(classify(answer, endpoint, options.now()));
      options.onBilled?.(endpoint, asked.body, answer.json);
      return found;
    },
  };
}

/** A request to X. `secrets` are those that stand in it, in whatever form. */
export type Asking = {
  method: string;
  headers: Record<string, string>;
  body: string | Uint8Array<ArrayBuffer> | null;
  secrets: readonly string[];
};

/** One request under its deadline, its answer read once. Never throws. Redirects are answers, not followed. */
export async function send(
  fetch: Fetch,
  url: string,
  { secrets, ...init }: Asking,
  { now, timeout_ms = TIMEOUT_MS, deadline = Infinity, signal }: Limits,
): Promise<Answer> {
  const left_ms = Math.min(timeout_ms, deadline - now());
  if (left_ms <= 0 || signal?.aborted) return { unreachable: "unsent" };
  // Not AbortSignal.timeout: its timer goes on after the answer, and a Worker may have 10,000 of them.
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    timeout.abort();
  }, left_ms);
  const limit = signal ? AbortSignal.any([signal, timeout.signal]) : timeout.signal;
  try {
    const response = await fetch(url, { ...init, redirect: "manual", signal: limit });
    return await readAnswer(response, now(), limit, secrets);
  } catch {
    // The error is dropped: a runtime may quote the headers in it, and the token with them.
    return { unreachable: limit.aborted ? "timeout" : "network" };
  } finally {
    clearTimeout(timer);
  }
}

function urlOf(
  baseUrl: string,
  { path }: Endpoint,
  params: Record<string, string> = {},
  query: Record<string, string | number | undefined> = {},
): string {
  const filled = path.replace(/:(\w+)/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined || value === "") throw new Error(`${path} needs "${name}"`);
    return encodeURIComponent(value);
  });
  const url = new URL(baseUrl.replace(/\/$/, "") + filled);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url.href;
}

function headersOf({ accessToken, userAgent }: XClientOptions, type: string | null): Record<string, string> {
  return {
    authorization: `Bearer ${accessToken}`,
    accept: "application/json",
    ...(type !== null && { "content-type": type }),
    ...(userAgent !== undefined && { "user-agent": userAgent }),
  };
}
