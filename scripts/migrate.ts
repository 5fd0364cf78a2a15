import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, runWrangler } from "./wrangler.ts";

/** Where the local databases, key-values and objects of a stack stand. */
export const dataDir = (stateDir: string): string => join(stateDir, "data");

/**
 * Bring the local databases up to the migrations. What was applied is written down among the data, so that a restart does
 * not ask wrangler, which takes seconds, and data that is deleted is migrated again.
 */
export async function migrate(stateDir: string, config: string, databases: number): Promise<void> {
  const data = dataDir(stateDir);
  const mark = join(data, "migrated");
  const version = `${databases} ${digest()}`;
  if (existsSync(mark) && readFileSync(mark, "utf8") === version) return;
  mkdirSync(data, { recursive: true });
  for (let index = 0; index < databases; index++) {
    const binding = index === 0 ? "DB" : `DB_${index}`;
    const args = ["d1", "migrations", "apply", binding, "--local", "--config", config, "--persist-to", data];
    await runWrangler(stateDir, args);
  }
  writeFileSync(mark, version);
}

function digest(): string {
  const folder = join(root, "migrations");
  const hash = createHash("sha256");
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest("hex");
}
