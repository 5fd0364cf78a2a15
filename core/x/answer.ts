import { type Rate, readRate } from "./headers.ts";

/** What X said. `text` is at most 1 MiB; `json` is undefined when the text is cut or not JSON. */
export type Received = {
  status: number;
  text: string;
  json: unknown;
  rate: Rate;
  request_id: string | null;
  /** What went with the call and must not come back in X's words. */
  secrets: readonly string[];
};

/**
 * No answer. `unsent`: no time was left, so nothing left this machine. `timeout` and `network` do not tell whether
 * X acted: a rejected fetch in workerd cannot tell a refused connection from one that broke after sending.
 */
export type Unreachable = { unreachable: "timeout" | "network" | "unsent" };

export type Answer = Received | Unreachable;

const MAX_BODY_BYTES = 1024 * 1024;

/** Read a response once, whole, as text. Never throws: a body that breaks off leaves its status to speak alone. */
export async function readAnswer(
  response: Response,
  nowMs: number,
  signal: AbortSignal,
  secrets: readonly string[] = [],
): Promise<Received> {
  const rate = readRate(response.headers, nowMs);
  const { text, whole } = await readBody(response.body, signal);
  return {
    status: response.status,
    text,
    json: whole ? parse(text) : undefined,
    rate,
    request_id: response.headers.get("x-transaction-id"),
    secrets,
  };
}

type Body = { text: string; whole: boolean };

async function readBody(body: ReadableStream<Uint8Array> | null, signal: AbortSignal): Promise<Body> {
  if (body === null) return { text: "", whole: true };
  const reader = body.getReader();
  const stop = () => void reader.cancel().catch(() => undefined);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  let text = "";
  try {
    const decoder = new TextDecoder();
    let size = 0;
    while (true) {
      const { done, value } = await reader.read();
      // Canceled by the deadline, a stream ends as if it were complete.
      if (done) return { text: text + decoder.decode(), whole: !signal.aborted };
      size += value.byteLength;
      if (size > MAX_BODY_BYTES) break;
      text += decoder.decode(value, { stream: true });
    }
    stop();
    return { text, whole: false };
  } catch {
    return { text, whole: false };
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
