import { SignJWT, UnsecuredJWT } from "jose";
import { describe, expect, test } from "vitest";
import { base64url, text, fromBase64url, utf8 } from "#core/lib/bytes";
import { readRing } from "#core/lib/ring";
import { isSessionToken, readSession, signSession, type Session } from "../../src/session-token.ts";

const keyOf = (byte: number) => base64url(new Uint8Array(32).fill(byte));
const ringOf = (secret: string) => readRing(secret, "SESSION_KEYS");
const OLD = `old:${keyOf(1)}`;
const NEW = `new:${keyOf(2)}`;
const ring = ringOf(NEW);
const NOW = 1_800_000_000_000;
const session: Session = {
  id: "ses_1",
  client_id: "cli_1",
  key_id: "key_1",
  scopes: ["jobs:read"],
  account_ids: ["acc_1"],
  expires_at: NOW + 60_000,
};
const read = (token: string, now = NOW, by = ring) => readSession(by, token, now);

test("a session is read as it was signed, until it is over", async () => {
  const token = await signSession(ring, session, NOW);
  expect(isSessionToken(token)).toBe(true);
  expect(await read(token)).toEqual(session);
  expect(await read(token, NOW + 59_999)).toEqual(session);
  expect(await read(token, NOW + 60_000)).toBeNull();
});

test("one for every account of its key says so", async () => {
  const token = await signSession(ring, { ...session, account_ids: null }, NOW);
  expect((await read(token))?.account_ids).toBeNull();
});

test("the first key signs and is named, all of them verify: keys can be changed while sessions live", async () => {
  const before = await signSession(ringOf(OLD), session, NOW);
  const both = ringOf(`${NEW},${OLD}`);
  const after = await signSession(both, session, NOW);
  expect(JSON.parse(text(fromBase64url(after.split(".")[0] ?? "")))).toEqual({
    alg: "HS256",
    kid: "new",
    typ: "JWT",
  });
  for (const token of [before, after]) expect(await read(token, NOW, both)).toEqual(session);
  expect(await read(before)).toBeNull();
});

test("an empty ring signs nothing", async () => {
  await expect(signSession(new Map(), session, NOW)).rejects.toThrow("no key");
});

describe("a token that is not ours is no session", () => {
  const claims = { key: "key_1", scopes: ["jobs:read"], accounts: null };
  /** As we sign, but for what a test changes. */
  const forge = (
    change: (jwt: SignJWT) => SignJWT,
    header = {},
    body: Record<string, unknown> = claims,
    key = 2,
  ) =>
    change(
      new SignJWT(body)
        .setProtectedHeader({ alg: "HS256", kid: "new", ...header })
        .setIssuer("urn:twitter-api-proxy")
        .setAudience("urn:twitter-api-proxy:api")
        .setSubject("cli_1")
        .setJti("ses_1")
        .setExpirationTime(NOW / 1000 + 60),
    ).sign(new Uint8Array(key === 0 ? 64 : 32).fill(key));
  const same = (jwt: SignJWT) => jwt;

  test("what the others are compared with is one", async () => {
    expect(await read(await forge(same))).not.toBeNull();
  });

  test.each<[string, () => Promise<string>]>([
    ["another issuer", () => forge((jwt) => jwt.setIssuer("urn:other"))],
    ["another audience", () => forge((jwt) => jwt.setAudience("urn:other"))],
    ["no subject", () => forge((jwt) => jwt.setSubject(""), {}, { ...claims, key: undefined })],
    ["no key id of ours", () => forge(same, { kid: "other" })],
    ["no key id", () => forge(same, { kid: undefined })],
    ["another key under our id", () => forge(same, {}, claims, 3)],
    ["another algorithm", () => forge(same, { alg: "HS512" }, claims, 0)],
    ["scopes that are no list", () => forge(same, {}, { ...claims, scopes: "jobs:read" })],
    ["no accounts", () => forge(same, {}, { key: "key_1", scopes: [] })],
    ["a time to come", () => forge((jwt) => jwt.setNotBefore(NOW / 1000 + 10))],
    ["an extension that must be known", () => forge(same, { crit: ["x"], x: 1 }).catch(() => "a.b.c")],
  ])("%s", async (_, make) => {
    expect(await read(await make())).toBeNull();
  });

  test("no end", async () => {
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256", kid: "new" })
      .setIssuer("urn:twitter-api-proxy")
      .setAudience("urn:twitter-api-proxy:api")
      .setSubject("cli_1")
      .setJti("ses_1")
      .sign(new Uint8Array(32).fill(2));
    expect(await read(token)).toBeNull();
  });

  test("no signature at all, whatever it says of its algorithm", async () => {
    const unsigned = new UnsecuredJWT(claims).setExpirationTime(NOW / 1000 + 60).encode();
    expect(await read(unsigned)).toBeNull();
    const signed = await signSession(ring, session, NOW);
    const [, payload] = signed.split(".");
    for (const alg of ["none", "None", "HS256"])
      expect(
        await read(`${base64url(utf8(JSON.stringify({ alg, kid: "new" })))}.${payload ?? ""}.`),
      ).toBeNull();
  });

  test("what was changed after signing", async () => {
    const [header = "", payload = "", signature = ""] = (await signSession(ring, session, NOW)).split(".");
    const wider = text(fromBase64url(payload)).replace("jobs:read", "jobs:write");
    expect(await read(`${header}.${base64url(utf8(wider))}.${signature}`)).toBeNull();
  });

  test.each(["", "a.b", "a.b.c", "...", "a.b.c.d", "{}.{}.{}"])("%j", async (token) => {
    expect(await read(token)).toBeNull();
  });
});

test.each([
  ["tap_01KAB3C4D5V1StGXR8Z5jd0_secret", false],
  ["a.b.c", true],
  ["a.b", false],
  ["a.b.c.d", false],
  ["a.b.", false],
])("%s has the form of a session's token: %s", (credential, has) => {
  expect(isSessionToken(credential)).toBe(has);
});
