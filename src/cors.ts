/**
 * Which browsers' pages may call (Fetch standard, "CORS protocol"): those of configured origins and no others, never `*`.
 * Without credentials in the browser's sense: a page sends its session's token itself, so no cookie can be abused.
 */

const TAKEN = [
  "Authorization",
  "Content-Type",
  "Idempotency-Key",
  "If-Match",
  "Prefer",
  "Tus-Resumable",
  "Upload-Length",
  "Upload-Defer-Length",
  "Upload-Concat",
  "Upload-Metadata",
  "Upload-Offset",
  "Upload-Checksum",
  "X-HTTP-Method-Override",
  "X-Request-ID",
  "X-Requested-With",
].join(", ");

const SHOWN = [
  "Location",
  "Retry-After",
  "X-Request-Id",
  "ETag",
  "Idempotent-Replayed",
  "RateLimit-Policy",
  "Preference-Applied",
  "Upload-Offset",
  "Upload-Length",
  "Upload-Metadata",
  "Upload-Expires",
  "Tus-Resumable",
  "Tus-Version",
  "Tus-Extension",
  "Tus-Max-Size",
  "Tus-Checksum-Algorithm",
].join(", ");

/** How long a browser may remember a preflight: an origin that is taken off the list is out after that. */
const MAX_AGE_S = 600;

/** Say in an answer, whatever it is, whether the page that asked may read it. */
export function addCors(headers: Headers, request: Request, configured: string | undefined): void {
  if (originsIn(configured).size === 0) return;
  // Also for those who send none: a cache must not give one origin's answer to another.
  headers.append("vary", "Origin");
  const origin = allowedOrigin(request, configured);
  if (origin === null) return;
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", SHOWN);
}

/** The answer to OPTIONS on a path that takes these methods, with what it says besides. A preflight hears what its page may send. */
export function optionsResponse(
  request: Request,
  methods: readonly string[],
  configured: string | undefined,
  more: Readonly<Record<string, string>> = {},
): Response {
  const headers = new Headers({ ...more, allow: methods.join(", ") });
  const isPreflight = request.headers.has("access-control-request-method");
  if (isPreflight && allowedOrigin(request, configured) !== null) {
    headers.set("access-control-allow-methods", methods.join(", "));
    headers.set("access-control-allow-headers", TAKEN);
    headers.set("access-control-max-age", String(MAX_AGE_S));
  }
  return new Response(null, { status: 204, headers });
}

function allowedOrigin(request: Request, configured: string | undefined): string | null {
  const origin = request.headers.get("origin");
  return origin !== null && originsIn(configured).has(origin) ? origin : null;
}

/** The origins of the list, as browsers write them. What is no origin, such as `*` or `null`, lets nobody in. */
const originsIn = (configured = ""): Set<string> =>
  new Set(configured.split(",").flatMap((entry) => originOf(entry.trim())));

function originOf(entry: string): string[] {
  if (!URL.canParse(entry)) return [];
  const { origin, protocol, host } = new URL(entry);
  if (origin !== "null") return [origin];
  // Apps have schemes of their own, such as capacitor://localhost.
  return host === "" ? [] : [`${protocol}//${host}`];
}
