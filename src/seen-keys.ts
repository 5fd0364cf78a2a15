import * as apiKeys from "#core/store/api-keys";
import type { ApiKeyRow } from "#core/store/api-keys";
import { shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import type { App } from "./app.ts";

/** Keys this isolate has read lately, by their id: a busy key costs no database read a request. */
const seen = new Map<string, { row: ApiKeyRow; until: number }>();
/** A key that was revoked goes on for this long at most, as do its sessions. */
const SEEN_FOR_MS = 5_000;
const SEEN_AT_MOST = 1_000;
const TOUCHED_EVERY_MS = 3_600_000;

/** A key that lives, as it was at most five seconds ago; null: unknown, revoked or expired. */
export async function findKey(app: App, id: string): Promise<ApiKeyRow | null> {
  const known = seen.get(id);
  if (known && app.clock.now() < known.until) return known.row;
  const db = shard(app.databases, id);
  const row = db && (await first<ApiKeyRow>(apiKeys.find(db, app.clock.stored(), id)));
  if (!row) return null;
  if (seen.size >= SEEN_AT_MOST) seen.clear();
  seen.set(id, { row, until: Math.min(app.clock.now() + SEEN_FOR_MS, row.expires_at ?? Infinity) });
  return row;
}

/** Note that a key was used, at most once an hour. */
export function touchKey(app: App, row: ApiKeyRow): void {
  const now = app.clock.now();
  const db = shard(app.databases, row.id);
  if (!db || (row.last_used_at ?? 0) >= now - TOUCHED_EVERY_MS) return;
  row.last_used_at = now;
  app.later(apiKeys.touch(db, app.clock.stored(), row.id).run());
}
