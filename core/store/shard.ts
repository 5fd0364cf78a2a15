/**
 * Which database an id lives on. Every id ends in the character of its shard; accounts are spread over the databases that
 * are bound (`DB`, `DB_1`, … `DB_35`), everything of an account stays on one.
 */
export type Databases = { DB: D1Database } & Partial<Record<`DB_${number}`, D1Database>>;

export const FIRST_SHARD = "0";
const SHARDS = "0123456789abcdefghijklmnopqrstuvwxyz";

/** The shards that are bound, the first one first. */
export const shards = (env: Databases): string[] =>
  Array.from(SHARDS).filter((_, index) => index === 0 || env[`DB_${index}`] !== undefined);

/** The database of a shard character, or of an id by its last one. Null when no such database is bound. */
export function shard(env: Databases, id: string): D1Database | null {
  const index = id === "" ? -1 : SHARDS.indexOf(id.slice(-1));
  if (index === 0) return env.DB;
  return index > 0 ? (env[`DB_${index}`] ?? null) : null;
}

/** The shard for something new, spread evenly by a text that is its own, such as an X user id. */
export function chooseShard(env: Databases, text: string): string {
  const bound = shards(env);
  let hash = 2166136261;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16777619);
  return bound[(hash >>> 0) % bound.length] ?? FIRST_SHARD;
}
