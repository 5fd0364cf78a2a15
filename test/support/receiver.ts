import { newId } from "#core/lib/ids";
import type { Ring } from "#core/lib/seal";
import * as endpoints from "#core/store/endpoints";
import type { EndpointRow } from "#core/store/endpoints";
import type { Network } from "#core/webhooks/deliver";
import { secretPlace } from "#core/webhooks/secrets";

/** What a receiver was sent. */
export type Post = {
  url: string;
  headers: Record<string, string>;
  text: string;
  body: { id: string; type: string; timestamp: string; data: Record<string, unknown> };
  at: number;
};

/** A receiver of webhooks that answers as it is told to, 204 by itself. */
export function createReceiver(now: () => number) {
  const posts: Post[] = [];
  let answer: (post: Post) => Response | Promise<Response> = () => new Response(null, { status: 204 });
  const network: Network = async (url, init) => {
    const text = init.body as string;
    const headers = init.headers as Record<string, string>;
    const post: Post = { url, headers, text, body: JSON.parse(text) as Post["body"], at: now() };
    posts.push(post);
    return Promise.race([
      answer(post),
      new Promise<never>((_, reject) => {
        init.signal?.addEventListener("abort", () => {
          reject(new Error("aborted"));
        });
      }),
    ]);
  };
  return {
    posts,
    network,
    /** How it answers from now on. */
    answer: (how: typeof answer) => {
      answer = how;
    },
    types: () => posts.map(({ body }) => body.type),
  };
}

export const SECRET = `whsec_${btoa("s".repeat(32))}`;

/** An endpoint, on every database. */
export async function putEndpoint(
  databases: D1Database[],
  ring: Ring,
  { client_id, events, now }: { client_id: string; events: string[]; now: number },
  more: Partial<EndpointRow>,
): Promise<EndpointRow> {
  const id = newId("whe", "0", now);
  const row: EndpointRow = {
    client_id,
    id,
    url: "https://hooks.shop.com/x",
    events: JSON.stringify(events),
    account_ids: null,
    description: "",
    state: "enabled",
    disabled_reason: null,
    secret: await ring.seal(SECRET, secretPlace(id)),
    old_secret: null,
    old_secret_until: null,
    failing_since: null,
    warned_at: null,
    created_at: now,
    updated_at: now,
    ...more,
  };
  for (const db of databases) await endpoints.insert(db, row).run();
  return row;
}
