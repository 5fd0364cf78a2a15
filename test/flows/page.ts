import { request, type IncomingHttpHeaders } from "node:http";
import type { HttpRequest, HttpResponse, HttpStack } from "tus-js-client";

/** A request that a page's script made, and what came of it. */
export type Made = {
  method: string;
  /** The names of the headers that the script set. */
  sent: string[];
  /** What its preflight was answered; null when it needed none. */
  preflight: IncomingHttpHeaders | null;
  /** What it was answered itself; null when the preflight did not allow it. */
  answer: IncomingHttpHeaders | null;
  /** Headers of the answer that the script wanted to read and may not. */
  withheld: string[];
};

type Answer = { status: number; headers: IncomingHttpHeaders; text: string };

const SAFE_METHODS = ["GET", "HEAD", "POST"];
const SAFE_ASKED = ["accept", "accept-language", "content-language"];
const SAFE_TYPES = /^(application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)\b/;
const SAFE_ANSWERED = [
  ...["cache-control", "content-language", "content-length", "content-type"],
  ...["expires", "last-modified", "pragma"],
];

/**
 * How tus-js-client reaches the network from a page of this origin: as a browser lets it by the Fetch standard ("CORS protocol"),
 * without credentials. fetch of Node knows no origins, and sends no header that only a browser may write.
 */
export function pageOf(origin: string, made: Made[]): HttpStack {
  return {
    getName: () => "page",
    createRequest(method, url): HttpRequest {
      const headers: Record<string, string> = {};
      const stop = new AbortController();
      const ask = (method: string, more: Record<string, string>, body?: Uint8Array) =>
        exchange(url, method, { accept: "*/*", origin, ...more }, stop.signal, body);
      return {
        getMethod: () => method,
        getURL: () => url,
        setHeader(name, value) {
          headers[name.toLowerCase()] = value;
        },
        getHeader: (name) => headers[name.toLowerCase()],
        setProgressHandler: () => undefined,
        async send(body?: Uint8Array | null) {
          const one: Made = {
            ...{ method, sent: Object.keys(headers) },
            ...{ preflight: null, answer: null, withheld: [] },
          };
          made.push(one);
          const unsafe = unsafeOf(headers);
          if (!SAFE_METHODS.includes(method) || unsafe.length > 0) {
            const { status, headers: said } = await ask("OPTIONS", {
              "access-control-request-method": method,
              ...(unsafe.length > 0 && { "access-control-request-headers": unsafe.join(",") }),
            });
            one.preflight = said;
            checkOrigin(said, origin);
            if (status < 200 || status > 299) throw new TypeError(`the preflight was answered ${status}`);
            checkPreflight(said, method, unsafe);
          }
          const answer = await ask(method, headers, body ?? undefined);
          one.answer = answer.headers;
          checkOrigin(answer.headers, origin);
          return readable(answer, one.withheld);
        },
        abort() {
          stop.abort();
          return Promise.resolve();
        },
        getUnderlyingObject: () => null,
      };
    },
  };
}

/** The names of the headers that a page may not send to another origin unasked. */
const unsafeOf = (headers: Record<string, string>): string[] =>
  Object.entries(headers)
    .filter(
      ([name, value]) => !SAFE_ASKED.includes(name) && !(name === "content-type" && SAFE_TYPES.test(value)),
    )
    .map(([name]) => name)
    .sort();

function checkOrigin(headers: IncomingHttpHeaders, origin: string): void {
  const allowed = headers["access-control-allow-origin"];
  if (allowed !== "*" && allowed !== origin) throw new TypeError(`${origin} is not let in`);
}

function checkPreflight(headers: IncomingHttpHeaders, method: string, unsafe: string[]): void {
  const methods = listed(headers["access-control-allow-methods"]);
  if (!SAFE_METHODS.includes(method) && !methods.includes("*") && !methods.includes(method))
    throw new TypeError(`${method} is not allowed`);
  const names = listed(headers["access-control-allow-headers"]).map((name) => name.toLowerCase());
  for (const name of unsafe)
    // The star stands for all but this one.
    if (!names.includes(name) && (name === "authorization" || !names.includes("*")))
      throw new TypeError(`${name} is not allowed`);
}

/** What a script gets to see of an answer. */
function readable({ status, headers, text }: Answer, withheld: string[]): HttpResponse {
  const exposed = listed(headers["access-control-expose-headers"]).map((name) => name.toLowerCase());
  return {
    getStatus: () => status,
    getHeader(wanted) {
      const name = wanted.toLowerCase();
      const value = headers[name];
      if (value === undefined) return undefined;
      if ([...SAFE_ANSWERED, ...exposed].includes(name) || exposed.includes("*")) return String(value);
      withheld.push(name);
      return undefined;
    },
    getBody: () => text,
    getUnderlyingObject: () => null,
  };
}

const listed = (header = ""): string[] => header.split(",").map((entry) => entry.trim());

const exchange = (
  url: string,
  method: string,
  headers: Record<string, string>,
  signal: AbortSignal,
  body?: Uint8Array,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const length = body ? { "content-length": String(body.length) } : {};
    const going = request(url, { method, headers: { ...headers, ...length }, signal }, (incoming) => {
      const pieces: Buffer[] = [];
      incoming.on("data", (piece: Buffer) => pieces.push(piece));
      incoming.once("error", reject);
      incoming.once("end", () => {
        const { statusCode: status = 0, headers } = incoming;
        resolve({ status, headers, text: Buffer.concat(pieces).toString() });
      });
    });
    going.once("error", reject);
    going.end(body);
  });
