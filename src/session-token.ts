import { jwtVerify, SignJWT } from "jose";
import { z } from "zod";

/** What a session may do, and whose it is. The token says all of it: sessions are stored nowhere. */
export type Session = {
  id: string;
  client_id: string;
  /** The key that made it, and without which it is worth nothing. */
  key_id: string;
  scopes: string[];
  /** null: those of the key. */
  account_ids: string[] | null;
  /** Epoch ms. */
  expires_at: number;
};

/** As `readRing` reads it: the first key signs, all of them verify. */
type Ring = ReadonlyMap<string, Uint8Array>;

const ALGORITHM = "HS256";
const ISSUER = "urn:twitter-api-proxy";
const AUDIENCE = "urn:twitter-api-proxy:api";

const claims = z.object({
  jti: z.string(),
  sub: z.string(),
  key: z.string(),
  scopes: z.array(z.string()),
  accounts: z.array(z.string()).nullable(),
  exp: z.number(),
});

/** Sign a session as a token (RFC 7519). */
export async function signSession(ring: Ring, session: Session, now: number): Promise<string> {
  const [[kid, key] = []] = ring;
  if (kid === undefined || key === undefined) throw new Error("there is no key to sign with");
  return new SignJWT({ key: session.key_id, scopes: session.scopes, accounts: session.account_ids })
    .setProtectedHeader({ alg: ALGORITHM, kid, typ: "JWT" })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(session.client_id)
    .setJti(session.id)
    .setIssuedAt(Math.floor(now / 1000))
    .setExpirationTime(Math.ceil(session.expires_at / 1000))
    .sign(key);
}

/** The session that a token says, or null: not ours, changed, or over. Whether its key lives is not said here. */
export async function readSession(ring: Ring, token: string, now: number): Promise<Session | null> {
  const keyOf = ({ kid = "" }: { kid?: string }): Uint8Array => {
    const key = ring.get(kid);
    if (!key) throw new Error("signed with another key");
    return key;
  };
  const verified = await jwtVerify(token, keyOf, {
    // What a token says of its own algorithm is not asked (RFC 8725, section 3.1).
    algorithms: [ALGORITHM],
    issuer: ISSUER,
    audience: AUDIENCE,
    requiredClaims: ["exp"],
    currentDate: new Date(now),
  }).catch(() => null);
  const read = claims.safeParse(verified?.payload);
  if (!read.success) return null;
  const { jti, sub, key, scopes, accounts, exp } = read.data;
  return { id: jti, client_id: sub, key_id: key, scopes, account_ids: accounts, expires_at: exp * 1000 };
}

/** Whether a credential has the form of a session's token. */
export const isSessionToken = (credential: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(credential);
