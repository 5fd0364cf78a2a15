import { expect, test } from "vitest";
import { grantOf, issue, makeToken, rotate, tokenResponse } from "../../simulator/grants.ts";
import { newSim } from "../../simulator/sim.ts";

const asked = { client_id: "c", user_id: "7", scopes: ["tweet.read", "offline.access"] };

test("tokens look like X's", () => {
  const token = makeToken(newSim({ now: () => 1_700_000_000_000 }), "rt");
  expect(atob(token.replaceAll("-", "+").replaceAll("_", "/"))).toMatch(/^\w{43}:1700000000000:1:1:rt:1$/);
});

test("a grant is found by its access token until it expires or is revoked", () => {
  const clock = { now: 0 };
  const sim = newSim({ now: () => clock.now });
  const grant = issue(sim, asked, null);
  expect(grantOf(sim, grant.access_token)).toBe(grant);
  clock.now = 7_200_000;
  expect(grantOf(sim, grant.access_token)).toBeNull();
  const other = issue(sim, asked, null);
  sim.commit({ type: "grant.revoked", id: other.id, at: 1 });
  expect(grantOf(sim, other.access_token)).toBeNull();
});

test("a rotation changes both tokens and the answer has the new ones", () => {
  const sim = newSim({});
  const grant = issue(sim, asked, null);
  const before = tokenResponse(grant);
  rotate(sim, grant);
  const after = tokenResponse(grant);
  expect(after.access_token).not.toBe(before.access_token);
  expect(after.refresh_token).not.toBe(before.refresh_token);
  expect(after.scope).toBe("tweet.read offline.access");
});
