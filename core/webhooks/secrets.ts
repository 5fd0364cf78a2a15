import { HOUR_MS } from "#core/lib/clock";
import type { Ring } from "#core/lib/seal";

/** How long an old secret signs beside the one that replaced it. */
export const OVERLAP_MS = 24 * HOUR_MS;

/** The sealed secrets of an endpoint, or of a client's callbacks. */
export type Sealed = { secret: string; old_secret: string | null; old_secret_until: number | null };

/** The additional data under which a secret is sealed. `id` is its endpoint's or client's. */
export const secretPlace = (id: string): string => `webhook:${id}`;

/** Those that sign now, the newest first. */
export async function liveSecrets(ring: Ring, id: string, sealed: Sealed, now: number): Promise<string[]> {
  const { secret, old_secret, old_secret_until } = sealed;
  const old = old_secret !== null && (old_secret_until ?? 0) > now ? [old_secret] : [];
  return Promise.all([secret, ...old].map((text) => ring.open(text, secretPlace(id))));
}
