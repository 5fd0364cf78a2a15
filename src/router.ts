import { IttyRouter } from "itty-router";
import { sha256 } from "#core/lib/bytes";
import { newId } from "#core/lib/ids";
import { reasonOf } from "#core/lib/log";
import { Problem } from "#core/lib/problem";
import type { App } from "./app.ts";
import { authenticate, authorize, type Caller } from "./auth.ts";
import { readJson } from "./body.ts";
import { addCors, optionsResponse } from "./cors.ts";
import { limit } from "./limit.ts";
import { wantsHtml } from "./page.ts";
import { asProblem, problemResponse } from "./problem.ts";
import type { Route } from "./route.ts";
import { fieldErrors, readQuery } from "./validate.ts";
import { z } from "zod";

const NOBODY: Caller = { key_id: "", session_id: null, client_id: null, scopes: [], account_ids: null };
const HELD_BACK_MS = 10_000;
const noQuery = z.strictObject({});

export type Router = { fetch(request: Request, app: App): Promise<Response> };

/** Answers requests by the routes as they are declared. Never throws: everything that goes wrong is a problem. */
export function createRouter(routes: readonly Route[]): Router {
  const router = IttyRouter();
  for (const route of routes) {
    const method = route.method.toLowerCase() as Lowercase<Route["method"]>;
    router[method](asPattern(route.path), (request, app: App, requestId: string) =>
      answer(route, request as unknown as Request & { params: Record<string, string> }, app, requestId),
    );
  }
  return {
    async fetch(asked, by) {
      const request = asMeant(routes, asked);
      const requestId = newId("req", "0", by.clock.now());
      const app = named(by, requestId);
      let response: Response;
      try {
        response =
          request.method === "OPTIONS"
            ? optionsResponse(
                request,
                methodsAt(routes, request),
                app.env.CORS_ORIGINS,
                optionsAt(routes, request),
              )
            : (((await router.fetch(asGet(routes, request), app, requestId)) as Response | undefined) ??
              nowhere(routes, request));
      } catch (error) {
        const problem = asProblem(error);
        if (problem.status >= 500) app.log("request.failed", { code: problem.code, reason: reasonOf(error) });
        response = pageFor(routes, request, problem) ?? problemResponse(problem, request, requestId);
      }
      const headers = new Headers(response.headers);
      headers.set("x-request-id", requestId);
      for (const { headers: more = {} } of routesAt(routes, request))
        for (const [name, value] of Object.entries(more)) headers.set(name, value);
      addCors(headers, request, app.env.CORS_ORIGINS);
      return new Response(request.method === "HEAD" ? null : response.body, {
        status: response.status,
        headers,
      });
    },
  };
}

/** What answers one request: whatever it writes to the log can be found by the id that its caller was told. */
const named = (app: App, request_id: string): App => ({
  ...app,
  log: (event, fields) => {
    app.log(event, { request_id, ...fields });
  },
});

/** The straight line of a request: who, how often, what, and then the route. */
async function answer(
  route: Route,
  request: Request & { params: Record<string, string> },
  app: App,
  requestId: string,
): Promise<Response> {
  const caller = route.scope === null ? NOBODY : await authenticate(app, request);
  if (route.scope !== null) {
    authorize(caller, route.scope);
    await limit(app, caller);
  }
  const params = readParams(route, request.params);
  const query = readQuery(new URL(request.url), route.query ?? noQuery);
  const { body, text } = await readBody(route, request);
  const began = app.clock.now();
  const response = await route.handle({
    app,
    caller,
    request,
    request_id: requestId,
    params,
    query,
    body,
    body_hash: await sha256(JSON.stringify([route.method, route.path, params, query, text])),
  });
  // Held back this long (`Prefer: wait`), it is not given to a key that was revoked meanwhile.
  if (route.method === "GET" && route.scope !== null && app.clock.now() - began > HELD_BACK_MS)
    await authenticate(app, request);
  return response;
}

/** A path parameter of the wrong form names nothing. */
function readParams(route: Route, given: Record<string, string>): unknown {
  const read = (route.params ?? noQuery).safeParse({ ...given });
  if (!read.success) throw new Problem("not_found");
  return read.data;
}

async function readBody(route: Route, request: Request): Promise<{ body: unknown; text: string }> {
  if (!route.body || route.streams) return { body: undefined, text: "" };
  const { value, text } = await readJson(request);
  const read = route.body.safeParse(value);
  if (!read.success) throw new Problem("invalid", { errors: fieldErrors(read.error) });
  return { body: read.data, text };
}

/** HEAD is GET without the body, where GET only reads and there is no other HEAD. */
const asGet = (routes: readonly Route[], request: Request): Request =>
  request.method === "HEAD" &&
  !routesAt(routes, request).some(({ acts, method }) => acts ?? method === "HEAD")
    ? new Request(request.url, { headers: request.headers })
    : request;

/** tus lets clients behind old proxies post what they mean otherwise: there the header counts, and nowhere else. */
function asMeant(routes: readonly Route[], request: Request): Request {
  const method = request.headers.get("x-http-method-override");
  if (method === null || request.method !== "POST") return request;
  const isTus = routesAt(routes, request).some(({ headers }) => headers !== undefined);
  return isTus ? new Request(request, { method }) : request;
}

/** What a browser is shown, where a path has something for it. */
function pageFor(routes: readonly Route[], request: Request, problem: Problem): Response | undefined {
  if (!wantsHtml(request)) return undefined;
  for (const route of routesAt(routes, request)) if (route.page) return route.page(problem);
  return undefined;
}

/** The routes of a request's path, whatever its method. */
function routesAt(routes: readonly Route[], request: Request): Route[] {
  const { pathname } = new URL(request.url);
  return routes.filter((route) => asExpression(route.path).test(pathname));
}

/** A method that the path does not take. */
function nowhere(routes: readonly Route[], request: Request): never {
  const methods = methodsAt(routes, request).join(", ");
  throw new Problem("method_not_allowed", {
    detail: `This path takes ${methods}`,
    headers: { allow: methods },
  });
}

const optionsAt = (routes: readonly Route[], request: Request): Record<string, string> =>
  Object.assign({}, ...routesAt(routes, request).map(({ options }) => options ?? {})) as Record<
    string,
    string
  >;

/** The methods that a path takes. Throws 404 for one that we do not have. */
function methodsAt(routes: readonly Route[], request: Request): string[] {
  const here = routesAt(routes, request);
  if (here.length === 0) throw new Problem("not_found", { detail: "There is nothing at this path" });
  const head = here.some((route) => route.method === "GET" && !route.acts) ? ["HEAD"] : [];
  return [...new Set<string>(here.map((route) => route.method)), ...head, "OPTIONS"];
}

const asPattern = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ":$1");

const expressions = new Map<string, RegExp>();

/** Each path is compiled once, for every answer asks. */
function asExpression(path: string): RegExp {
  const known = expressions.get(path);
  if (known) return known;
  const made = new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}/*$`);
  expressions.set(path, made);
  return made;
}
