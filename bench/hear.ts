import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** The first attempt to say an event to one of the receivers: its name, when its job had ended and when it came (epoch ms). */
export type Heard = { name: string; ended_at: number; at: number };

/** Receivers by the names in their paths, that take everything and check nothing. */
export async function hear() {
  const first = new Map<string, Heard>();
  let hangs: (name: string) => boolean = () => false;

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = Date.now();
    const name = request.url?.slice(1) ?? "";
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { id, data } = JSON.parse(body) as { id: string; data: { finished_at: string } };
    const key = `${name} ${id}`;
    if (!first.has(key)) first.set(key, { name, ended_at: Date.parse(data.finished_at), at });
    if (!hangs(name)) response.writeHead(204).end();
  }

  const server = createServer((request, response) => {
    take(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    heard: () => [...first.values()],
    forget: () => {
      first.clear();
    },
    /** Which of them never answer from now on. */
    hang: (which: (name: string) => boolean) => {
      hangs = which;
    },
    close: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
