import { text } from "#core/lib/bytes";
import type { Fault } from "../../simulator/faults.ts";

/** What a call to X had in it that nobody else may see. */
export type Sent = { authorization: string; secrets: string[] };

/** A way in which X can fail, or a connection to it. */
export type Failure = { name: string; answer: (sent: Sent) => Response | Promise<Response> };

/** What was sent with a request, form or JSON. */
export async function sentBy(request: Request): Promise<Sent> {
  const authorization = request.headers.get("authorization") ?? "";
  const form = new URLSearchParams(text(new Uint8Array(await request.arrayBuffer())));
  const fields = ["code", "code_verifier", "refresh_token", "token"].flatMap((name) => form.get(name) ?? []);
  const credential = authorization.split(" ")[1] ?? "";
  const plain = authorization.startsWith("Basic ")
    ? decodeURIComponent(atob(credential)).split(":").slice(1)
    : [];
  return { authorization, secrets: [...fields, ...plain, credential].filter(Boolean) };
}

/** How a secret may stand in what X says. */
const quotes: Record<string, (sent: Sent) => string> = {
  "the Authorization header": ({ authorization }) => `Authorization: ${authorization}`,
  "each secret": ({ secrets }) => secrets.join(" and "),
  "each secret, cut off": ({ secrets }) => secrets.map((secret) => `${secret.slice(2, 22)}…`).join(" "),
  "the end of each secret": ({ secrets }) => secrets.map((secret) => `…${secret.slice(-16)}`).join(" "),
  "each secret, percent-encoded": ({ secrets }) =>
    secrets.map((secret) => `token=${encodeURIComponent(secret)}`).join("&"),
  "each secret in base64": ({ secrets }) => secrets.map((secret) => btoa(`k=${secret}`)).join(" "),
  "each secret in JSON": ({ secrets }) => JSON.stringify({ given: secrets }),
};

type Answering = (status: number, quote: string) => Response;

const inJson =
  (body: (quote: string) => unknown): Answering =>
  (status, quote) =>
    Response.json(body(quote), { status });

const inText =
  (type: string, body: (quote: string) => string, headers: (quote: string) => Record<string, string>) =>
  (status: number, quote: string) =>
    new Response(body(quote), { status, headers: { "content-type": type, ...headers(quote) } });

const none = () => ({});

/** Where X may say it: every field of every dialect, pages, and headers. */
const dialects: Record<string, Answering> = {
  "a problem": inJson((quote) => ({
    title: quote,
    detail: quote,
    type: `https://api.x.com/2/problems/${quote}`,
  })),
  "a problem's type alone": inJson((type) => ({ type })),
  "the errors of an old problem": inJson((quote) => ({
    detail: "One or more parameters to your request was invalid.",
    errors: [{ message: quote, parameters: { token: [quote] }, type: quote }],
  })),
  "legacy errors": inJson((quote) => ({ errors: [{ code: quote, message: quote }] })),
  "OAuth's words of a dead grant": inJson((quote) => ({
    error: "invalid_request",
    error_description: `Value passed for the token was invalid. ${quote}`,
  })),
  "OAuth's words of a refused app": inJson((quote) => ({
    error: "invalid_client",
    error_description: quote,
  })),
  "OAuth's error itself": inJson((error) => ({ error })),
  "a page": inText(
    "text/html",
    (quote) => `<html><h1>Something went wrong</h1><pre>POST / HTTP/1.1\n${quote}</pre></html>`,
    none,
  ),
  "bare text": inText("text/plain", (quote) => quote, none),
  "its headers": inText(
    "text/plain",
    () => "",
    (quote) => ({
      "x-transaction-id": quote.replaceAll("…", ""),
      location: `/?${encodeURI(quote)}`,
      "retry-after": "1",
    }),
  ),
};

const statuses = [200, 302, 400, 401, 402, 403, 404, 429, 500, 503];

/** Every quote in every dialect, each with three of the statuses, so that every dialect and quote meets every status. */
const echoes: Failure[] = Object.entries(quotes).flatMap(([quoted, quote], row) =>
  Object.entries(dialects).flatMap(([dialect, say], column) =>
    [0, 3, 7].map((step) => {
      const status = statuses[(row + column + step) % statuses.length] ?? 500;
      return {
        name: `${status}, ${quoted} in ${dialect}`,
        answer: (sent: Sent) => say(status, quote(sent)),
      };
    }),
  ),
);

/** What the table of answers takes for something of its own, with a secret behind it. */
export const sorted: Failure[] = (
  [
    [403, "You are not allowed to create a Tweet with duplicate content."],
    [403, "To protect our users, this account is temporarily locked."],
    [403, "User is over daily status update limit."],
    [403, "Your client app is not configured with the appropriate oauth1 app permissions."],
    [403, "Forbidden."],
    [429, "Usage cap exceeded: monthly product cap"],
  ] as const
).map(([status, detail]) => ({
  name: `${status}, ${detail}`,
  answer: ({ secrets }) => Response.json({ detail: `${detail} ${secrets.join(" ")}` }, { status }),
}));

export const broken: Failure[] = [
  {
    name: "a connection that fails with an error that quotes the request",
    answer: ({ authorization, secrets }) =>
      Promise.reject(new TypeError(`Invalid header value: ${authorization} ${secrets.join(" ")}`)),
  },
  {
    name: "a body that breaks off with an error that quotes the request",
    answer: ({ secrets }) => {
      const quote = secrets.join(" ");
      const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
        controller.enqueue(new TextEncoder().encode(quote));
        controller.error(new Error(quote));
      };
      return new Response(new ReadableStream({ pull }), { status: 400 });
    },
  },
];

/** Every way in which X can answer with what it was sent. */
export const failures: Failure[] = [...echoes, ...sorted, ...broken];

/** Every fault the simulator knows: a new one must be put here. */
export const faults: Record<Fault["kind"], Fault[]> = {
  error: [400, 401, 402, 403, 404, 429, 500, 503].flatMap((status) => [
    { kind: "error", status },
    { kind: "error", status, when: "after" },
  ]),
  drop: [{ kind: "drop" }, { kind: "drop", when: "after" }],
  hang: [
    { kind: "hang", ms: 1 },
    { kind: "hang", ms: 1, when: "after" },
  ],
  latency: [{ kind: "latency", ms: 1 }],
  no_rate_headers: [{ kind: "no_rate_headers" }],
  rate_limited: [{ kind: "rate_limited" }, { kind: "rate_limited", headers: false }],
  html: [200, 502].flatMap((status) => [
    { kind: "html", status },
    { kind: "html", status, when: "after" },
  ]),
  empty: [200, 404].flatMap((status) => [
    { kind: "empty", status },
    { kind: "empty", status, when: "after" },
  ]),
};
