import { base64url, utf8 } from "#core/lib/bytes";

/** Shorter parts of a secret let nobody recognise it, let alone use it. */
const WINDOW = 12;

/** Where a text was found: in what others hear (answers, logs, redirects, messages), or at rest in a row or KV. */
export type Place = "said" | "kept";

export type Marks = ReturnType<typeof createMarks>;

/**
 * Secrets by name, and a way to find any part of one in a text: 12 characters in a row of the secret itself, or of what it
 * looks like percent-encoded, in JSON, in HTML or in base64, wherever in a longer text it was encoded.
 */
export function createMarks() {
  const parts = { kept: new Map<string, string>(), said: new Map<string, string>() };
  const known = new Set<string>();

  /** Remember a secret. `said`: it may stand in a row (as a key's hash does), but nobody may hear it. */
  function know(name: string, secret: string | null | undefined, where: Place = "kept"): void {
    if (!secret || known.has(secret)) return;
    if (secret.length < WINDOW) throw new Error(`${name} is too short to be recognised`);
    known.add(secret);
    for (const form of formsOf(secret))
      for (let at = 0; at + WINDOW <= form.length; at++) parts[where].set(form.slice(at, at + WINDOW), name);
  }

  /** The names of the secrets that a text has a part of. */
  function found(text: string, where: Place): string[] {
    const first = new Map<string, string>();
    for (let at = 0; at + WINDOW <= text.length; at++) {
      const part = text.slice(at, at + WINDOW);
      const name = parts.kept.get(part) ?? (where === "said" ? parts.said.get(part) : undefined);
      if (name !== undefined && !first.has(name)) first.set(name, part);
    }
    return [...first].map(([name, part]) => `${name} (${part}…)`);
  }

  return { know, found };
}

function formsOf(secret: string): string[] {
  const encoded = [0, 1, 2].map((before) => {
    const bytes = utf8(" ".repeat(before) + secret);
    return base64url(bytes).slice(Math.ceil((before * 4) / 3), Math.floor((bytes.length * 4) / 3));
  });
  return [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams({ s: secret }).toString().slice(2),
    JSON.stringify(secret).slice(1, -1),
    secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;"),
    ...encoded,
    ...encoded.map((text) => text.replaceAll("-", "+").replaceAll("_", "/")),
  ];
}

/** Everything that stands in a database, table by table. */
export async function rowsOf(db: D1Database): Promise<{ where: string; text: string }[]> {
  const { results: tables } = await db
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'")
    .all<{ name: string }>();
  const dumps = await db.batch(tables.map(({ name }) => db.prepare(`SELECT * FROM "${name}"`)));
  return dumps.flatMap(({ results }, index) =>
    results.length === 0
      ? []
      : [{ where: `table ${tables[index]?.name ?? ""}`, text: JSON.stringify(results) }],
  );
}

/** Everything that stands in KV, keys and values. */
export async function valuesOf(kv: KVNamespace): Promise<{ where: string; text: string }[]> {
  const { keys } = await kv.list();
  return Promise.all(
    keys.map(async ({ name, metadata }) => ({
      where: `KV ${name}`,
      text: `${name} ${(await kv.get(name)) ?? ""} ${JSON.stringify(metadata ?? null)}`,
    })),
  );
}

/** Forget what earlier tests kept. */
export async function emptyKv(kv: KVNamespace): Promise<void> {
  const { keys } = await kv.list();
  await Promise.all(keys.map(({ name }) => kv.delete(name)));
}
