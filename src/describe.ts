import { z } from "zod";
import {
  createDocument,
  type ZodOpenApiObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from "zod-openapi";
import { problems, type ProblemCode } from "#core/lib/problem";
import { accountSchema } from "./accounts.ts";
import { describeWebhooks } from "./describe-webhooks.ts";
import { jobSchema } from "#core/jobs/view";
import type { Route } from "./route.ts";

type Document = ReturnType<typeof createDocument>;

/** What stands behind the first word of a path. A new one must be put here. */
const TAGS: Record<string, string> = {
  accounts: "Connected X accounts, and what X shows to them.",
  apps: "X apps that clients bring.",
  audit: "Who changed what.",
  batches: "Many jobs handed over at once.",
  clients: "The tenants of this installation.",
  "dead-letters": "Jobs that were given up.",
  events: "What happened, for those who fetch it themselves.",
  installation: "The installation itself.",
  jobs: "Everything that happens later is a job.",
  keys: "API keys of clients.",
  media: "Images, GIFs and videos on their way to X.",
  schedules: "Jobs that come again and again.",
  sessions: "Short-lived, narrow tokens for browsers and devices.",
  status: "How X is, and what waits for what.",
  threads: "Tweets that answer each other, as one job.",
  "token-keys": "The keys that seal tokens at rest.",
  tweets: "Tweets: posted and deleted by jobs, read at once.",
  uploads: "Files of any size, by tus 1.0.0.",
  usage: "What was done and what it cost.",
  "webhook-endpoints": "Where events are sent.",
};

const codes = Object.keys(problems) as ProblemCode[];

/** What every refusal looks like (RFC 9457). */
export const problemSchema = z
  .looseObject({
    type: z.string().describe("A URN that ends in the code."),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.enum(codes as [ProblemCode, ...ProblemCode[]]),
    request_id: z.string().describe("As in `X-Request-Id`."),
    errors: z
      .array(z.looseObject({ pointer: z.string(), code: z.string(), detail: z.string() }))
      .optional()
      .describe("Every mistake: where (a JSON pointer, or the name of a parameter), which, and why."),
    source: z.literal("x").optional().describe("It was X that refused."),
    upstream: z
      .looseObject({ status: z.int(), type: z.string().nullable(), detail: z.string().nullable() })
      .optional()
      .describe("X's own words."),
  })
  .describe("A refusal.");

const ABOUT = `Hand over tweets and media, have a job id back within milliseconds, and read how it ended.

Every answer has \`X-Request-Id\`. Times are RFC 3339 in UTC, ids of X are strings, money is integer micro-USD. Unknown fields and
parameters are refused. POSTs that make jobs or media take an \`Idempotency-Key\`. Refusals are \`application/problem+json\` with one of these codes:

| code | status | |
| --- | --- | --- |
${codes.map((code) => `| \`${code}\` | ${problems[code][0]} | ${problems[code][1]} |`).join("\n")}
`;

/** The API as an OpenAPI 3.1 document, made from the routes as they are declared. */
export function describe(routes: readonly Route[], server: { url: string; version: string }): Document {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes)
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route) };
  const document: ZodOpenApiObject = {
    openapi: "3.1.0",
    info: {
      title: "Twitter API Proxy",
      version: server.version,
      summary: "A queue-driven asynchronous job proxy for the X API.",
      description: ABOUT,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: server.url, description: "This installation" }],
    tags: tagsOf(routes),
    paths,
    webhooks: describeWebhooks(),
    components: {
      schemas: { Account: accountSchema, Job: jobSchema, Problem: problemSchema },
      securitySchemes: {
        key: {
          type: "http",
          scheme: "bearer",
          description: "An API key (`tap_…`), a session token, or for `admin` the installation's ADMIN_KEY.",
        },
      },
    },
  };
  return createDocument(document, { override: plain });
}

function operationOf(route: Route): ZodOpenApiOperationObject {
  const shown = route.shown ?? route.body;
  return {
    operationId: operationId(route),
    summary: route.summary,
    tags: [tagOf(route)],
    security: route.scope === null ? [] : [{ key: route.scope === "any" ? [] : [route.scope] }],
    ...((route.params ?? route.query) && {
      requestParams: {
        ...(route.params && { path: route.params as z.ZodObject }),
        ...(route.query && { query: route.query as z.ZodObject }),
      },
    }),
    ...(shown && {
      requestBody: {
        required: true,
        content: {
          "application/json": {
            schema: shown,
            ...(route.example !== undefined && { example: route.example }),
          },
        },
      },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.answers).map(([status, { description, schema }]) => [
          status,
          { description, ...(schema && { content: { "application/json": { schema } } }) },
        ]),
      ),
      "4XX": refusal("What was asked cannot be done: see `code`."),
      "5XX": refusal("It cannot be done now: see `code` and `Retry-After`."),
    },
  };
}

const refusal = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: problemSchema } },
});

/** `GET /v1/accounts/{id}/timeline` → `getAccountsByIdTimeline`. */
export function operationId({ method, path }: Pick<Route, "method" | "path">): string {
  const words = path
    .split("/")
    .filter((part) => part !== "" && part !== "v1")
    .map((part) => part.replace(/^\{(.*)\}$/, "by-$1"));
  return [method.toLowerCase(), ...(words.length > 0 ? words : ["home"])]
    .join("-")
    .replace(/[^A-Za-z0-9]+(.)/g, (_, letter: string) => letter.toUpperCase());
}

const tagOf = ({ path }: Route): string =>
  path.startsWith("/v1/") ? (path.split("/")[2] ?? "") : "installation";

const tagsOf = (routes: readonly Route[]) =>
  [...new Set(routes.map(tagOf))].sort().map((name) => ({ name, description: TAGS[name] ?? "" }));

/** What says nothing to a reader: the expression behind a date-time, and the bounds of every safe integer. */
function plain({ jsonSchema }: { jsonSchema: Record<string, unknown> }): void {
  if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}
