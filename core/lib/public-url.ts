/**
 * Which addresses of clients we call: those that lie on the public internet, by their look. A Worker cannot pin what a name
 * resolves to; what lies behind one is kept out by `global_fetch_strictly_public` and by not following redirects.
 */
export type PublicUrl = { url: URL } | { refused: string };

export const URL_LENGTH = 2000;

/** Names that no public server has: of this machine, of a private network, or reserved (RFC 6761, 6762, 8375). */
const INTERNAL =
  /(^|\.)(localhost|localdomain|local|internal|intranet|private|corp|home|lan|svc|consul|arpa|onion|alt|test|example|invalid)$/;
/** Names made for pointing anywhere, also inwards. */
const POINTING = /(^|\.)(nip\.io|sslip\.io|xip\.io|localtest\.me|lvh\.me|vcap\.me|lacolhost\.com)$/;
const TOP_LEVEL = /\.([a-z]{2,63}|xn--[a-z0-9-]{1,59})$/;
const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;
const HTTPS_PORT = 443;
/** Below are the ports of services that do not speak HTTP, or not to us. */
const FIRST_FREE_PORT = 1025;

/**
 * Read an address that a client gave, or say why it is not called. `allowLocal`: also this machine, and there also by http,
 * as on a developer's desk.
 */
export function publicUrl(text: string, { allowLocal }: { allowLocal: boolean }): PublicUrl {
  if (text.length > URL_LENGTH) return { refused: `At most ${URL_LENGTH} characters` };
  if (!URL.canParse(text)) return { refused: "Not an absolute URL" };
  // Parsing brings every notation of an IP address, and of a name, to one form.
  const url = new URL(text);
  url.hash = "";
  if (url.username !== "" || url.password !== "") return { refused: "Must have no user and no password" };
  if (allowLocal && LOOPBACK.test(url.hostname) && /^https?:$/.test(url.protocol)) return { url };
  const refused = whyNot(url);
  return refused === null ? { url } : { refused };
}

function whyNot({ protocol, hostname, port }: URL): string | null {
  if (protocol !== "https:") return "Must begin with https://";
  if (hostname.startsWith("[") || /^[\d.]+$/.test(hostname)) return "Must have a name, not an IP address";
  const name = hostname.replace(/\.$/, "");
  if (!name.includes(".") || INTERNAL.test(name) || POINTING.test(name) || !TOP_LEVEL.test(name))
    return "Must be a public name";
  const number = port === "" ? HTTPS_PORT : Number(port);
  return number === HTTPS_PORT || number >= FIRST_FREE_PORT ? null : "The port must be 443 or above 1024";
}
