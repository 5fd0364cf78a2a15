import { type Answer, readAnswer } from "./answer.ts";
import { classify } from "./classify.ts";
import type { Endpoint } from "./endpoints.ts";
import type { Rate } from "./headers.ts";
import { Refusal } from "./refusal.ts";

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
  /** Hears the rate headers of every answer, good or bad. */
  onReading?: ((endpoint: string, rate: Rate) => void) | undefined;
  userAgent?: string | undefined;
};

export type CallOptions<T> = {
  /** Fill `:word` in the path. */
  params?: Record<string, string>;
  query?: Record<string, string | number | undefined>;
  /** Sent as JSON. */
  body?: unknown;
  /** What the caller needs from a 2xx (`json` is undefined when there was none); undefined means: not there. */
  expect: (json: unknown) => T | undefined;
  /** What a 404 means to this caller; without it, a 404 is a refusal. */
  absent?: T;
};

export type XClient = { call: <T>(endpoint: Endpoint, options: CallOptions<T>) => Promise<T> };

const TIMEOUT_MS = 20_000;

/** Speak to X for one account. `call` throws a `Refusal` on anything but a 2xx with what `expect` needs. */
export function createXClient(options: XClientOptions): XClient {
  const { fetch, now, onReading } = options;
  return {
    async call(endpoint, { params, query, body, expect, absent }) {
      const url = urlOf(options.baseUrl, endpoint, params, query);
      const headers = headersOf(options, body !== undefined);
      const answer = await send(
        fetch,
        url,
        {
          method: endpoint.method,
          headers,
          body: body === undefined ? null : JSON.stringify(body),
          secrets: [options.accessToken],
        },
        options,
      );
      if ("unreachable" in answer) throw new Refusal(classify(answer, endpoint, now()));
      onReading?.(endpoint.name, answer.rate);
      // An empty 404 is an unknown route: an outage of X, not a thing that is gone.
      if (answer.status === 404 && answer.json !== undefined && absent !== undefined) return absent;
      const found = answer.status >= 200 && answer.status < 300 ? expect(answer.json) : undefined;
      if (found === undefined) throw new Refusal(classify(answer, endpoint, now()));
      return found;
    },
  };
}

/** A request to X. `secrets` are those that stand in it, in whatever form. */
export type Asking = {
  method: string;
  headers: Record<string, string>;
  body: string | null;
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

function headersOf({ accessToken, userAgent }: XClientOptions, hasBody: boolean): Record<string, string> {
  return {
    authorization: `Bearer ${accessToken}`,
    accept: "application/json",
    ...(hasBody && { "content-type": "application/json" }),
    ...(userAgent !== undefined && { "user-agent": userAgent }),
  };
}
