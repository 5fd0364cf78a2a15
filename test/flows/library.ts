import { createServer, type IncomingMessage } from "node:http";
import { Agent } from "node:https";
import { connect, type AddressInfo } from "node:net";
import { TwitterApi } from "twitter-api-v2";

/** Where a question to X stands in our API, for an account of ours. */
function ourPath(account_id: string, { pathname, search }: URL): string {
  const of = `account_id=${account_id}`;
  if (pathname === "/2/users/me") return `/v1/accounts/${account_id}/profile${search}`;
  const list = /^\/2\/users\/\d+\/(?:timelines\/reverse_chronological|(tweets|mentions))$/.exec(pathname);
  if (list) return `/v1/accounts/${account_id}/${list[1] ?? "timeline"}${search}`;
  return `${pathname.replace("/2/", "/v1/")}${search === "" ? `?${of}` : `${search}&${of}`}`;
}

/** How a question is answered: by X itself, or by us. */
export type Answering = (path: string, authorization: string) => Promise<Response>;

/**
 * `twitter-api-v2` as it is, which knows X's paths and speaks https to X alone: what it asks comes here by a plain socket, and is answered by
 * `answering`. Close it at the end.
 */
export async function library(token: string, answering: Answering) {
  const server = createServer((request: IncomingMessage, response) => {
    void answering(request.url ?? "", request.headers.authorization ?? "").then(async (answer) => {
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(await answer.text());
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  class PlainAgent extends Agent {
    override createConnection() {
      return connect(port, "127.0.0.1");
    }
  }
  const reader = new TwitterApi(token, { httpAgent: new PlainAgent() }).v2.readOnly;
  return { reader, close: () => new Promise((closed) => server.close(closed)) };
}

/** Answers as our API does for one of its accounts. */
export const byUs =
  (url: string, account_id: string): Answering =>
  async (path, authorization) => {
    const answer = await fetch(url + ourPath(account_id, new URL(path, url)), { headers: { authorization } });
    // What fetch has undone is not said again.
    const headers = new Headers(answer.headers);
    for (const name of ["content-encoding", "content-length", "transfer-encoding"]) headers.delete(name);
    return new Response(answer.body, { status: answer.status, headers });
  };

/** Answers as X does. */
export const byX =
  (x: { fetch: (request: Request) => Promise<Response> }): Answering =>
  (path, authorization) =>
    x.fetch(new Request(`https://x.test${path}`, { headers: { authorization } }));
