import css from "swagger-ui-dist/swagger-ui.css";
import script from "swagger-ui-dist/swagger-ui-bundle.js";
import { z } from "zod";
import { describe } from "./describe.ts";
import { defineRoute, type Route } from "./route.ts";
import { version } from "./version.ts";

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Twitter API Proxy</title><link rel="stylesheet" href="/docs/viewer.css"><div id="api"></div>
<script src="/docs/viewer.js"></script><script src="/docs/start.js"></script></html>`;
const START = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null });`;

/** The page runs what we serve and nothing else. */
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'";
const DAY = "public, max-age=86400";

const file = (path: string, type: string, text: string, headers: Record<string, string> = {}): Route =>
  defineRoute({
    method: "GET",
    path,
    summary: `The reader of this description (${type})`,
    scope: null,
    answers: { 200: { description: "A file.", schema: null } },
    handle: async () =>
      new Response(text, { headers: { "content-type": `${type}; charset=utf-8`, ...headers } }),
  });

/** The description of the API, and a page to read and try it with. `all`: every route, these among them. */
export const docs = (all: () => readonly Route[]): Route[] => [
  defineRoute({
    method: "GET",
    path: "/openapi.json",
    summary: "This description",
    scope: null,
    answers: { 200: { description: "An OpenAPI 3.1 document.", schema: z.looseObject({}) } },
    handle: async ({ app, request }) => {
      const url = app.env.PUBLIC_URL.replace(/\/$/, "") || new URL(request.url).origin;
      return Response.json(describe(all(), { url, version }), {
        headers: { "cache-control": "public, max-age=300" },
      });
    },
  }),
  file("/docs", "text/html", PAGE, { "content-security-policy": CSP }),
  file("/docs/viewer.css", "text/css", css, { "cache-control": DAY }),
  file("/docs/viewer.js", "text/javascript", script, { "cache-control": DAY }),
  file("/docs/start.js", "text/javascript", START, { "cache-control": DAY }),
];
