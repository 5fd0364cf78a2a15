import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { defineRoute } from "../../src/route.ts";

test("a route is what was declared, and its handler knows the types of what it reads", () => {
  const declared = {
    method: "GET" as const,
    path: "/things/{id}",
    summary: "Read a thing",
    scope: null,
    params: z.strictObject({ id: z.string() }),
    query: z.strictObject({ limit: z.coerce.number() }),
    answers: { 200: { description: "The thing.", schema: null } },
  };
  const route = defineRoute({
    ...declared,
    async handle({ params, query, body }) {
      expectTypeOf(params).toEqualTypeOf<{ id: string }>();
      expectTypeOf(query).toEqualTypeOf<{ limit: number }>();
      expectTypeOf(body).toEqualTypeOf<undefined>();
      return Response.json({ id: params.id });
    },
  });
  expect(route).toMatchObject(declared);
});
