import { z } from "zod";
import { finishConnect } from "#core/accounts/connect";
import { wake } from "#core/jobs/wake";
import { Problem } from "#core/lib/problem";
import { connectingOf } from "./connect.ts";
import { page } from "./page.ts";
import { defineRoute } from "./route.ts";
import { tellAll } from "./tell-all.ts";

const WAKE_LIMIT_MS = 2_000;

/** GET /oauth/callback: X sends the user's browser here. It goes on to the client's `return_url`, or nowhere. */
export const oauthCallback = defineRoute({
  method: "GET",
  path: "/oauth/callback",
  summary: "Where X sends the browser back to",
  scope: null,
  acts: true,
  page: nowhere,
  // What else X sends along is not ours to refuse (RFC 6749, section 4.1.2).
  query: z.object({
    state: z.string().max(500).optional(),
    code: z.string().max(2000).optional(),
    error: z.string().max(200).optional(),
  }),
  answers: {
    302: { description: "To the client's `return_url`, with `account_id` or `error`.", schema: null },
    400: { description: "The state is unknown, used or too old.", schema: null },
  },
  async handle({ app, request, query }) {
    if (!query.state) throw new Problem("invalid_state");
    const { state, code = null, error = null } = query;
    const connected = await finishConnect(await connectingOf(app, request), { state, code, error });
    if (connected.return_url === null) throw new Problem("invalid_state");
    if ("error" in connected) return back(connected.return_url, "error", connected.error);
    const { account_id, client_id, reconnected, wakes } = connected;
    app.log("account.connected", { account: account_id, reconnected });
    if (wakes.length > 0) app.later(wake(app, wakes, WAKE_LIMIT_MS));
    app.later(tellAll(app, client_id));
    return back(connected.return_url, "account_id", account_id);
  },
});

const OURS = ["account_id", "error"];

/** To where the client wants the browser, with one parameter of ours beside those that it registered. */
function back(return_url: string, name: "account_id" | "error", value: string): Response {
  const url = new URL(return_url);
  const theirs = url.search
    .slice(1)
    .split("&")
    .filter((part) => part !== "" && !OURS.some((ours) => new URLSearchParams(part).has(ours)));
  url.search = [...theirs, `${name}=${encodeURIComponent(value)}`].join("&");
  return new Response(null, {
    status: 302,
    headers: { location: url.href, "cache-control": "no-store", "referrer-policy": "no-referrer" },
  });
}

/** There is no trusted address to send this browser to. */
function nowhere(problem: Problem): Response {
  const { status, extra } = problem;
  return status >= 500
    ? page("Not available for the moment", "Go back and connect again in a while.", status, extra.headers)
    : page(
        "This link does not work any more",
        "It was used already, is older than ten minutes, or did not come from here. Go back and connect again.",
        status,
        extra.headers,
      );
}
