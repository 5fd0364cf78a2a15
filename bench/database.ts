import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getPlatformProxy } from "wrangler";

type Bindings = { DB: D1Database; TOKENS: KVNamespace };

/** A local D1 of its own with the whole schema, and a KV beside it. Close it, whatever happens. */
export async function localDatabase() {
  const folder = mkdtempSync(join(tmpdir(), "tap-bench-"));
  const proxy = await getPlatformProxy<Bindings>({ configPath: "wrangler.toml", persist: { path: folder } });
  const { DB: db, TOKENS: kv } = proxy.env;
  for (const name of readdirSync("migrations").sort())
    await db.batch(
      statementsOf(readFileSync(join("migrations", name), "utf8")).map((sql) => db.prepare(sql)),
    );
  return {
    db,
    kv,
    async close(): Promise<void> {
      await proxy.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A trigger has statements within it, and ends with a line of its own. */
const statementsOf = (text: string): string[] =>
  text.replaceAll(/--.*$/gm, "").match(/\s*CREATE TRIGGER[\s\S]*?\nEND;|[^;]*[^;\s][^;]*;/g) ?? [];
