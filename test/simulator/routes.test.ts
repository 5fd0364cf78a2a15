import { expect, test } from "vitest";
import { makeCall } from "../../simulator/exchange.ts";
import { routeOf } from "../../simulator/routes.ts";

const find = (method: string, path: string) => {
  const found = routeOf(makeCall(method, path, () => null, new Uint8Array()));
  return found && [found.route.name, found.id, ...(found.target ? [found.target] : [])];
};

test.each([
  ["POST", "/2/tweets?x=1", ["POST /2/tweets", ""]],
  ["DELETE", "/2/tweets/12", ["DELETE /2/tweets/:id", "12"]],
  ["GET", "/2/users/me", ["GET /2/users/me", ""]],
  ["GET", "/2/users/7/tweets", ["GET /2/users/:id/tweets", "7"]],
  ["POST", "/2/media/upload/7/append", ["POST /2/media/upload/:id/append", "7"]],
  ["DELETE", "/2/users/7/likes/8", ["DELETE /2/users/:id/likes/:tweet_id", "7", "8"]],
])("%s %s is found", (method, path, found) => {
  expect(find(method, path)).toEqual(found);
});

test.each([
  ["PUT", "/2/tweets"],
  ["GET", "/2/tweets/x"],
  ["GET", "/2/tweets/1/"],
  ["GET", "/2/users/12345678901234567890"],
])("%s %s is not", (method, path) => {
  expect(find(method, path)).toBeNull();
});
