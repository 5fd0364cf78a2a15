import type { z } from "zod";
import type { Problem } from "#core/lib/problem";
import type { App } from "./app.ts";
import type { Caller, Scope } from "./auth.ts";

/** What a handler is given, read and checked. */
export type Call<Params, Query, Body> = {
  app: App;
  caller: Caller;
  request: Request;
  request_id: string;
  params: Params;
  query: Query;
  body: Body;
  /** SHA-256 of what is asked, parameters and the body as it came: what an Idempotency-Key is bound to. */
  body_hash: string;
};

type Schema = z.ZodType;
type Read<S> = S extends Schema ? z.output<S> : undefined;

/**
 * A route, declared once: what it takes, what it answers and who may call it. The router, the checks and the description
 * of the API are made from this.
 */
export type Route<
  Params extends Schema | undefined = Schema | undefined,
  Query extends Schema | undefined = Schema | undefined,
  Body extends Schema | undefined = Schema | undefined,
> = {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  /** With parameters as `{name}`. */
  path: string;
  summary: string;
  /** `any`: every key will do, whatever its scopes. null: no key is needed. */
  scope: Scope | "any" | null;
  params?: Params;
  query?: Query;
  /** JSON. A route without a body schema reads none. */
  body?: Body;
  /** By status; null: no body, or one that is not JSON. Problems are the same everywhere and not listed. */
  answers: Record<number, { description: string; schema: Schema | null }>;
  /** A GET that changes something: HEAD, which asks without wanting to act, is refused. */
  acts?: true;
  /** What browsers are shown instead of a problem, for a path that people come to. */
  page?: (problem: Problem) => Response;
  handle(call: Call<Read<Params>, Read<Query>, Read<Body>>): Promise<Response>;
};

/** States a route; the types of its handler's arguments follow from its schemas. */
export const defineRoute = <
  Params extends Schema | undefined = undefined,
  Query extends Schema | undefined = undefined,
  Body extends Schema | undefined = undefined,
>(
  route: Route<Params, Query, Body>,
): Route => route;
