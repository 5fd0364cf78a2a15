import { expect, test } from "vitest";
import { apply } from "../../simulator/apply.ts";
import { emptyWorld, type Fact } from "../../simulator/world.ts";

const user = { id: "50", username: "Ada", name: "Ada", premium: false, created_at: 0 };
const tokens = { access_token: "a1", access_expires_at: 10, refresh_token: "r1", refresh_expires_at: 20 };
const grant = {
  id: "60",
  client_id: "c",
  user_id: "50",
  scopes: [],
  created_at: 0,
  refreshes: 0,
  last_refreshed_at: null,
  revoked_at: null,
  ...tokens,
};
const post = (id: string, request: object): Fact => ({
  type: "tweet.created",
  tweet: { id, user_id: "50", client_id: "c", created_at: 0, text: "", note: null, urls: [], request },
});

function after(...facts: Fact[]) {
  const world = emptyWorld();
  for (const fact of facts) apply(world, structuredClone(fact));
  return world;
}

test("a renamed user is found by the new name only", () => {
  const world = after(
    { type: "user.saved", user },
    { type: "user.saved", user: { ...user, username: "Bob" } },
  );
  expect([...world.usernames.keys()]).toEqual(["bob"]);
});

test("replies share the conversation of their root, an edit supersedes what it edits", () => {
  const world = after(
    post("70", { text: "root" }),
    post("71", { text: "reply", reply: { in_reply_to_tweet_id: "70" } }),
    post("72", { text: "edited", edit_options: { previous_post_id: "71" } }),
  );
  expect(world.tweets.get("72")).toMatchObject({
    conversation_id: "70",
    edits: ["71", "72"],
    superseded: false,
  });
  expect(world.tweets.get("71")?.superseded).toBe(true);
  expect(world.posted.get("50")).toHaveLength(3);
});

test("a rotation spends the refresh token and may end the access token", () => {
  const fresh = { ...tokens, access_token: "a2", refresh_token: "r2" };
  const rotated = (old_dies: boolean) =>
    after(
      { type: "grant.issued", grant, code: null },
      { type: "grant.rotated", id: "60", at: 5, old_dies, fresh },
    );
  expect(rotated(true).access.get("a1")?.dead).toBe(true);
  expect(rotated(false).access.get("a1")?.dead).toBe(false);
  expect(rotated(true).refresh.get("r1")?.used).toBe(true);
  expect(rotated(true).grants.get("60")).toMatchObject({
    refreshes: 1,
    last_refreshed_at: 5,
    access_token: "a2",
  });
});

test("an access token can end before its time, and never later", () => {
  const issued: Fact = { type: "grant.issued", grant, code: null };
  const expired = (grant_ids: string[], at: number) =>
    after(issued, { type: "access.expired", grant_ids, at });
  expect(expired(["60"], 4).access.get("a1")?.expires_at).toBe(4);
  expect(expired(["60"], 4).grants.get("60")).toMatchObject({ access_expires_at: 4, refresh_expires_at: 20 });
  expect(expired(["60"], 40).access.get("a1")?.expires_at).toBe(10);
  expect(expired(["61"], 4).access.get("a1")?.expires_at).toBe(10);
});

test("a grant paid with a code spends the code", () => {
  const code = { code: "k", client_id: "c", user_id: "50", scopes: [], redirect_uri: "", challenge: "" };
  const issued: Fact = { type: "code.issued", code: { ...code, method: "plain", created_at: 0 } };
  expect(after(issued).codes.size).toBe(1);
  expect(after(issued, { type: "grant.issued", grant, code: "k" }).codes.size).toBe(0);
});

test("the highest id of all is remembered", () => {
  expect(after({ type: "user.saved", user }, post("99", {}), post("98", {})).last_id).toBe(99n);
});

test("facts about what is not there change nothing", () => {
  const facts: Fact[] = [
    { type: "tweet.deleted", id: "1", at: 0 },
    { type: "grant.revoked", id: "1", at: 0 },
    { type: "access.revoked", token: "x" },
    { type: "access.expired", grant_ids: ["1"], at: 0 },
    { type: "media.described", id: "1", metadata: {} },
  ];
  expect(after(...facts)).toEqual(emptyWorld());
});
