import { expect, test } from "vitest";
import { idOf, newX } from "./support.ts";

test("the book of posts has every post, also deleted ones, as it was asked for", async () => {
  const { x, user, post, send } = newX();
  const id = idOf(await post("see example.com"));
  await send("DELETE", `/2/tweets/${id}`);
  expect(x.tweetPage()).toEqual({
    total: 1,
    next_cursor: null,
    tweets: [
      {
        id,
        user_id: user.id,
        client_id: "open",
        created_at: Date.UTC(2026, 10, 23),
        deleted: true,
        deleted_at: Date.UTC(2026, 10, 23),
        text: "see example.com",
        shown_text: expect.stringMatching(/^see https:\/\/t\.co\//) as string,
        request: { text: "see example.com" },
      },
    ],
  });
});

test("it is read in pages, for all or for one user", async () => {
  const { x, user, post } = newX();
  for (const text of ["a", "b", "c"]) await post(text);
  const first = x.tweetPage(user.id, 2);
  expect(first).toMatchObject({ total: 3, next_cursor: "2", tweets: [{ text: "a" }, { text: "b" }] });
  expect(x.tweetPage(user.id, 2, 2)).toMatchObject({ next_cursor: null, tweets: [{ text: "c" }] });
  expect(x.tweetPage("1")).toEqual({ total: 0, next_cursor: null, tweets: [] });
});

test("no book shows a token or a secret", () => {
  const { x, tokens } = newX();
  const shown = JSON.stringify([x.grants(), x.apps(), x.users(), x.calls()]);
  for (const secret of [tokens.access_token, tokens.refresh_token, "hush"])
    expect(shown).not.toContain(secret);
});

test("a grant shows how it stands", () => {
  const { x, user, tokens } = newX();
  expect(x.grants()).toMatchObject([
    { user_id: user.id, refreshes: 0, last_refreshed_at: null, revoked: false, refreshable: true },
  ]);
  x.revokeGrant(tokens.grant_id);
  expect(x.grants()).toMatchObject([
    { revoked: true, revoked_at: Date.UTC(2026, 10, 23), refreshable: false },
  ]);
});
