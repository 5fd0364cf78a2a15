import type { Ring } from "#core/lib/seal";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import { shard, type Databases } from "#core/store/shard";
import { first } from "#core/store/sql";

/**
 * Access tokens of accounts. The sealed pair in D1 is the truth and moves with its version; KV holds the sealed access
 * token alone, and is asked only for a version that D1 has named, since KV remembers misses for a minute.
 */
export type Tokens = {
  /**
   * The access token of that version, or null when the account is gone, disconnected or has moved on without one. Who has
   * just read the account's row hands its sealed pair over, and nothing is asked for.
   */
  access(accountId: string, version: number | null, sealed?: string | null): Promise<string | null>;
};

/** What is sealed in `accounts.token`. */
export type TokenPair = { access_token: string; refresh_token: string | null };

/** The additional data under which an account's pair is sealed: it opens for this account and version only. */
export const pairPlace = (accountId: string, version: number): string => `pair:${accountId}:${version}`;

/** The same for the access token alone, in KV. */
export const accessPlace = (accountId: string, version: number): string => `access:${accountId}:${version}`;

/** The KV key of an access token. */
export const accessKey = (accountId: string, version: number): string => `token:${accountId}:${version}`;

/** KV takes no shorter lives. */
const KV_SHORTEST_TTL_S = 60;

/** Keep an access token at hand for its life. KV is only quicker: what it does not take is read from D1. */
export async function keepAccess(
  { kv, ring }: { kv: KVNamespace; ring: Ring },
  access: { id: string; version: number; token: string; ttl_s: number },
): Promise<void> {
  const sealed = await ring.seal(access.token, accessPlace(access.id, access.version));
  const expirationTtl = Math.max(KV_SHORTEST_TTL_S, Math.floor(access.ttl_s));
  await kv.put(accessKey(access.id, access.version), sealed, { expirationTtl }).catch(() => undefined);
}

const REMEMBERED = 1000;

export function createTokens(options: {
  databases: Databases;
  kv: KVNamespace;
  ring: Ring;
  /** Lives as long as the isolate; opened tokens by account and version. */
  memory: Map<string, string>;
}): Tokens {
  const { databases, kv, ring, memory } = options;

  async function fromKv(accountId: string, version: number): Promise<string | null> {
    const sealed = await kv.get(accessKey(accountId, version));
    // What does not open was sealed by a key that has left the ring: the pair in D1 was sealed anew.
    return sealed === null ? null : ring.open(sealed, accessPlace(accountId, version)).catch(() => null);
  }

  async function fromD1(accountId: string): Promise<string | null> {
    const db = shard(databases, accountId);
    const row = db && (await first<AccountRow>(accounts.find(db, accountId)));
    return row?.token ? fromPair(accountId, row.token_version, row.token) : null;
  }

  async function fromPair(accountId: string, version: number, sealed: string): Promise<string> {
    return (JSON.parse(await ring.open(sealed, pairPlace(accountId, version))) as TokenPair).access_token;
  }

  return {
    async access(accountId, version, sealed = null) {
      if (version === null) return null;
      const key = accessKey(accountId, version);
      const known = memory.get(key);
      if (known !== undefined) return known;
      const token = sealed
        ? await fromPair(accountId, version, sealed)
        : ((await fromKv(accountId, version)) ?? (await fromD1(accountId)));
      if (token !== null) remember(memory, key, token);
      return token;
    },
  };
}

/** Bounded: the one remembered longest goes first. */
function remember(memory: Map<string, string>, key: string, token: string): void {
  if (memory.size >= REMEMBERED)
    for (const oldest of memory.keys()) {
      memory.delete(oldest);
      break;
    }
  memory.set(key, token);
}
