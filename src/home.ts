import { z } from "zod";
import { page, wantsHtml } from "./page.ts";
import { defineRoute } from "./route.ts";

const links = {
  description: "/openapi.json",
  jobs: "/v1/jobs",
  accounts: "/v1/accounts",
  health: "/healthz",
  ready: "/readyz",
};

/** GET /: what this is. Connecting an account may end here. */
export const home = defineRoute({
  method: "GET",
  path: "/",
  summary: "What this is",
  scope: null,
  query: z.strictObject({ account_id: z.string().optional(), error: z.string().optional() }),
  answers: { 200: { description: "A page for browsers, JSON for others.", schema: null } },
  async handle({ request, query }) {
    if (!wantsHtml(request)) return Response.json({ name: "twitter-api-proxy", links });
    if (query.account_id !== undefined) return page("Account connected", "You can close this window.");
    if (query.error !== undefined) return page("The account was not connected", "Go back and try again.");
    return page(
      "Twitter API Proxy",
      "A queue-driven job proxy for the X API. Hand over tweets, get a job id back, read how it ended. " +
        `<a href="/docs">The API</a>, <a href="${links.health}">Health</a>, <a href="${links.ready}">readiness</a>.`,
    );
  },
});
