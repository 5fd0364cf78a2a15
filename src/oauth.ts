import { z } from "zod";
import { finishConnect } from "#core/accounts/connect";
import { wake, type Wake } from "#core/jobs/wake";
import { Problem } from "#core/lib/problem";
import * as accounts from "#core/store/accounts";
import { shard } from "#core/store/shard";
import { all } from "#core/store/sql";
import { connectingOf } from "./accounts.ts";
import type { App } from "./app.ts";
import { wantsHtml, page } from "./page.ts";
import { defineRoute } from "./route.ts";

const WAKE_LIMIT_MS = 2_000;

/** GET /oauth/callback: X sends the user's browser here. It goes on to the client's `return_url`, or nowhere. */
export const oauthCallback = defineRoute({
  method: "GET",
  path: "/oauth/callback",
  summary: "Where X sends the browser back to",
  scope: null,
  // What else X sends along is not ours to refuse (RFC 6749, section 4.1.2).
  query: z.object({
    state: z.string().max(500).optional(),
    code: z.string().max(2000).optional(),
    error: z.string().max(200).optional(),
    error_description: z.string().max(2000).optional(),
  }),
  answers: {
    302: { description: "To the client's `return_url`, with `account_id` or `error`.", schema: null },
    400: { description: "The state is unknown, used or too old.", schema: null },
  },
  async handle({ app, request, query }) {
    const connected = query.state
      ? await finishConnect(await connectingOf(app, request), {
          state: query.state,
          code: query.code ?? null,
        })
      : { return_url: null };
    if (connected.return_url === null) return nobody(request);
    const back = new URL(connected.return_url);
    if ("error" in connected) back.searchParams.set("error", connected.error);
    else {
      back.searchParams.set("account_id", connected.account_id);
      app.log("account.connected", { account: connected.account_id, reconnected: connected.reconnected });
      if (connected.reconnected) app.later(wakeWaiting(app, connected.account_id));
    }
    return new Response(null, { status: 302, headers: { location: back.href, "cache-control": "no-store" } });
  },
});

/** What waited for the account may go on. */
async function wakeWaiting(app: App, accountId: string): Promise<void> {
  const db = shard(app.databases, accountId);
  if (!db) return;
  const lanes = app.kinds.laneNames.map((name) => `${name}:${accountId}`);
  await wake(
    app,
    await all<Wake>(accounts.wakeLanes(db, app.clock.stored(), accountId, lanes)),
    WAKE_LIMIT_MS,
  );
}

/** There is no trusted address to send this browser to. */
function nobody(request: Request): Response {
  const problem = new Problem("invalid_state");
  if (!wantsHtml(request)) throw problem;
  return page(
    "This link does not work any more",
    "It was used already, is older than ten minutes, or did not come from here. Go back and connect again.",
    problem.status,
  );
}
