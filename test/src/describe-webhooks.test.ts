import { expect, test } from "vitest";
import { eventTypes } from "#core/webhooks/events";
import { describe } from "../../src/describe.ts";
import { routes } from "../../src/routes.ts";

type Described = {
  webhooks: Record<
    string,
    {
      post: {
        operationId: string;
        summary: string;
        parameters: { name: string; in: string; required?: boolean }[];
        requestBody: { content: { "application/json": { schema: unknown } } };
      };
    }
  >;
};

const { webhooks } = describe(routes, { url: "https://proxy.test", version: "1" }) as unknown as Described;

test("every type of event is described as a webhook, by its own name and words, and nothing else is", () => {
  expect(Object.entries(webhooks).map(([type, { post }]) => [type, post.summary])).toEqual(
    Object.entries(eventTypes),
  );
  const names = Object.values(webhooks).map(({ post }) => post.operationId);
  expect(names).toContain("hearJobSucceeded");
  expect(new Set(names).size).toBe(names.length);
});

test.each(Object.keys(eventTypes))("%s says its type, what it tells of, and how it is signed", (type) => {
  const post = webhooks[type]?.post;
  expect(post?.parameters.map(({ name, required }) => [name, required])).toEqual([
    ["webhook-id", true],
    ["webhook-timestamp", true],
    ["webhook-signature", true],
  ]);
  const schema = post?.requestBody.content["application/json"].schema;
  expect(schema).toMatchObject({
    required: ["id", "type", "timestamp", "data"],
    properties: { type: { const: type } },
    additionalProperties: false,
  });
});
