// What goes in and out, lean on purpose: the Node server and `fetch` both build a `Call`, so that a bench
// never pays for a Request and a Response object per tweet.

/** One request: `path` without the query, header names asked for in lower case, the body whole. */
export type Call = {
  method: string;
  path: string;
  query: URLSearchParams;
  header: (name: string) => string | null;
  body: Uint8Array<ArrayBuffer>;
  text: () => string;
};

/** One answer: header names in lower case; a null body is an empty one. */
export type Answer = { status: number; headers: Record<string, string>; body: string | null };

/** Thrown for a connection that breaks without an answer. */
export class Dropped extends Error {
  override name = "Dropped";
  constructor() {
    super("The connection was dropped without an answer.");
  }
}

/** The content type of a 2xx body. */
export const jsonType = "application/json; charset=utf-8";
const decoder = new TextDecoder();

/** A call from its parts; `url` is absolute or begins with a slash. */
export function makeCall(
  method: string,
  url: string,
  header: Call["header"],
  body: Uint8Array<ArrayBuffer>,
): Call {
  const host = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("//") + 2);
  const target = (host < 0 ? "/" : url.slice(host)).split("#", 1)[0] ?? "/";
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  let decoded: string | undefined;
  return {
    method,
    path,
    query: new URLSearchParams(mark < 0 ? "" : target.slice(mark)),
    header,
    body,
    text: () => (decoded ??= decoder.decode(body)),
  };
}

/** A call from a web-standard Request, its body read whole. */
export async function callOf(request: Request): Promise<Call> {
  const body = new Uint8Array(await request.arrayBuffer());
  return makeCall(request.method, request.url, (name) => request.headers.get(name), body);
}

/** A web-standard Response of an answer. */
export function responseOf(answer: Answer): Response {
  return new Response(answer.body, { status: answer.status, headers: answer.headers });
}

/** A JSON answer. */
export function json(body: unknown, status = 200): Answer {
  return { status, headers: { "content-type": jsonType }, body: JSON.stringify(body) };
}

/** An answer without a body: an unknown route, a 204. */
export function empty(status: number): Answer {
  return { status, headers: {}, body: null };
}

/** An HTML page, as X's consent page or an error page of the edge. */
export function html(status: number, body: string): Answer {
  return { status, headers: { "content-type": "text/html; charset=utf-8" }, body };
}

/** The media type a call's body claims to be, without its parameters, in lower case. */
export function mediaType(call: Call): string {
  return (call.header("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** A call's body as JSON; undefined when it is not JSON. */
export function jsonBody(call: Call): unknown {
  try {
    return JSON.parse(call.text()) as unknown;
  } catch {
    return undefined;
  }
}
