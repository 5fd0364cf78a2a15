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
  /** GET answers HEAD, too, unless a route of its own does. */
  method: "GET" | "HEAD" | "POST" | "PATCH" | "DELETE";
  /** With parameters as `{name}`. */
  path: string;
  summary: string;
  /** `any`: every key will do, whatever its scopes. null: no key is needed. */
  scope: Scope | "any" | null;
  params?: Params;
  query?: Query;
  /** JSON. A route without a body schema reads none: what there is, its handler finds in `request.body`. */
  body?: Body;
  /** What the description shows of a body that is read by something stricter than `body`; and a body that works. */
  shown?: Schema;
  example?: unknown;
  /** The handler reads the body itself, as it comes: neither `body` nor `body_hash` knows of it. */
  streams?: true;
  /** By status; null: no body, or one that is not JSON. Problems are the same everywhere and not listed. */
  answers: Record<number, { description: string; schema: Schema | null }>;
  /** Said in every answer of this path, refusals too, but for those of the cross-origin kind. */
  headers?: Readonly<Record<string, string>>;
  /** What OPTIONS says of this path. */
  options?: Readonly<Record<string, string>>;
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
