import { describe as group, expect, test } from "vitest";
import { problems } from "#core/lib/problem";
import { describe, operationId } from "../../src/describe.ts";
import { routes } from "../../src/routes.ts";
import { openDoor } from "../support/door.ts";
import { sendExample } from "../support/examples.ts";

type Operation = {
  operationId: string;
  security: { key: string[] }[];
  parameters?: { in: string; name: string }[];
  responses: Record<string, { content?: object }>;
};
type Described = {
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { properties: Record<string, { enum?: string[] }> }> };
};

const described = describe(routes, { url: "https://proxy.test", version: "1" }) as unknown as Described;
const operationOf = ({ method, path }: { method: string; path: string }): Operation | undefined =>
  described.paths[path]?.[method.toLowerCase()];

test.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))(
  "%s is described: its scope, its parameters, its answers",
  (_, route) => {
    const operation = operationOf(route);
    expect(operation?.security).toEqual(
      route.scope === null ? [] : [{ key: route.scope === "any" ? [] : [route.scope] }],
    );
    const inPath = (operation?.parameters ?? []).filter((one) => one.in === "path").map(({ name }) => name);
    expect(inPath).toEqual([...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    expect(Object.keys(operation?.responses ?? {}).sort()).toEqual(
      [...Object.keys(route.answers), "4XX", "5XX"].sort(),
    );
  },
);

test("nothing is described that is not there", () => {
  const there = Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(there.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
});

test("every operation has a name of its own, every tag its words", () => {
  const names = routes.map(operationId);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toContain("getAccountsByIdTimeline");
  expect(described.tags.filter(({ description }) => description === "")).toEqual([]);
});

test("a problem's code is one of those that there are", () => {
  expect(described.components.schemas.Problem?.properties.code?.enum).toEqual(Object.keys(problems));
});

group("examples", () => {
  const examples = routes.filter(({ example }) => example !== undefined);

  test.each(examples.map((route) => [`${route.method} ${route.path}`, route] as const))(
    "%s does what its example says",
    async (_, { method, path, example, shown, body, scope }) => {
      expect((shown ?? body)?.safeParse(example).success).toBe(true);
      const door = await openDoor();
      const answer = await sendExample(door, { method, path, example, admin: scope === "admin" });
      expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
    },
  );

  test("are there for every body", () => {
    const bodies = routes.filter(({ body, shown }) => body ?? shown);
    expect(bodies.filter(({ example }) => example === undefined).map(({ path }) => path)).toEqual([]);
    expect(examples.map(({ path }) => path)).toEqual(expect.arrayContaining(["/v1/tweets", "/v1/jobs"]));
  });
});
