import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";

/** An event as it was received. */
export type Received = {
  id: string;
  type: string;
  timestamp: string;
  data: { id?: string; state?: string; sequence?: number; [field: string]: unknown };
};

/** What a receiver has seen: its events by their ids, however often each came. */
export type Receiver = {
  url: string;
  events: Map<string, Received>;
  /** Requests that came; those of them that were turned away on purpose; and those that were not signed rightly. */
  counts: { requests: number; refused: number; unsigned: number };
  close: () => Promise<void>;
};

/** What it does with one request: takes it, answers with a failure, never answers. */
export type Mood = "take" | "fail" | "hang";

export type ReceiverOptions = {
  /** A free one when left out. */
  port?: number;
  /** Called with what came, before it is answered: null is what was not signed rightly. */
  onEvent?: (event: Received | null, body: string) => void;
};

/**
 * A receiver of webhooks on loopback. It verifies every signature, and keeps each event once by its id, as every receiver
 * should. `mood` says what it does with the nth request, from 1, of the event with that id.
 */
export async function startReceiver(
  secret: () => string,
  mood: (request: number, id: string) => Mood,
  { port = 0, onEvent = () => undefined }: ReceiverOptions = {},
): Promise<Receiver> {
  const events = new Map<string, Received>();
  const counts = { requests: 0, refused: 0, unsigned: 0 };

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const what = mood(++counts.requests, String(request.headers["webhook-id"]));
    let body = "";
    for await (const chunk of request) body += String(chunk);
    if (what !== "take") counts.refused++;
    if (what === "hang") return;
    if (what === "fail") {
      response.writeHead(503).end("not now");
      return;
    }
    const event = verified(body, request.headers as Record<string, string>);
    onEvent(event, body);
    if (event) {
      events.set(event.id, event);
      response.writeHead(204).end();
    } else {
      counts.unsigned++;
      response.writeHead(400).end("the signature is not right");
    }
  }

  function verified(body: string, headers: Record<string, string>): Received | null {
    try {
      return new Webhook(secret()).verify(body, headers) as Received;
    } catch {
      return null;
    }
  }

  const server = createServer((request, response) => {
    take(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${own}/hooks`,
    events,
    counts,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
