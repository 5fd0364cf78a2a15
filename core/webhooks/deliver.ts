/** The network, passed in. */
export type Network = (url: string, init: RequestInit) => Promise<Response>;

/** An event as it is sent: signed, to an address that was found to be public. */
export type Message = { url: string; headers: Record<string, string>; body: string };

/** What a receiver said: its status and the beginning of its answer; or why nothing was heard of it. */
export type Reply = { took_ms: number } & (
  | { status: number; answer: string; retry_after_s: number | null }
  | { status: null; reason: "timeout" | "network" }
);

const ANSWER_BYTES = 1024;
/** A receiver may ask for patience, but not for longer. */
const LONGEST_PAUSE_S = 86_400;

/** Post a message once, under its deadline. Never throws. A redirect is an answer, and not a good one: it is not followed. */
export async function deliver(
  fetch: Network,
  { url, headers, body }: Message,
  { now, timeout_ms }: { now: () => number; timeout_ms: number },
): Promise<Reply> {
  const began = now();
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort();
  }, timeout_ms);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers,
      body,
      redirect: "manual",
      signal: limit.signal,
    });
    const { status } = response;
    const retry_after_s = patience(response.headers.get("retry-after"), now());
    // What it says after its status changes nothing: as much is kept as came in time.
    const answer = await beginning(response, limit.signal);
    return { status, answer, retry_after_s, took_ms: now() - began };
  } catch {
    return { status: null, reason: limit.signal.aborted ? "timeout" : "network", took_ms: now() - began };
  } finally {
    clearTimeout(timer);
  }
}

/** The first bytes of an answer, as text. The rest is not read. */
async function beginning(response: Response, signal: AbortSignal): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  const stopped = new Promise<null>((resolve) => {
    signal.addEventListener("abort", () => {
      resolve(null);
    });
  });
  const decoder = new TextDecoder();
  let [text, left] = ["", ANSWER_BYTES];
  try {
    while (left > 0) {
      const read = await Promise.race([reader.read(), stopped]);
      if (read === null || read.done) break;
      const bytes = (read.value as Uint8Array).subarray(0, left);
      left -= bytes.length;
      text += decoder.decode(bytes, { stream: left > 0 });
    }
  } catch {
    // It broke off: what came until then is kept.
  }
  reader.cancel().catch(() => undefined);
  return text;
}

/** `Retry-After` (RFC 9110, 10.2.3): seconds, or a date. */
function patience(header: string | null, now: number): number | null {
  if (header === null) return null;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - now) / 1000;
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(LONGEST_PAUSE_S, Math.ceil(seconds)) : null;
}
