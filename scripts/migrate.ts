import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startChild, type Child } from "./child.ts";
import { root, wranglerEnvironment, wranglerPath } from "./wrangler.ts";

/** Where the local databases, key-values and objects of a stack stand. */
export const dataDir = (stateDir: string): string => join(stateDir, "data");

/**
 * Bring the local databases up to the migrations. What was applied is written down among the data, so that a restart does
 * not ask wrangler, which takes seconds, and data that is deleted is migrated again. Rejects with what wrangler said.
 */
export async function migrate(
  stateDir: string,
  config: string,
  databases: number,
  register: (child: Child) => void,
): Promise<void> {
  const data = dataDir(stateDir);
  const mark = join(data, "migrated");
  const version = `${databases} ${digest()}`;
  if (existsSync(mark) && readFileSync(mark, "utf8") === version) return;
  mkdirSync(data, { recursive: true });
  for (let index = 0; index < databases; index++) {
    const binding = index === 0 ? "DB" : `DB_${index}`;
    const child = startChild({
      name: "the migration",
      args: [wranglerPath, "d1", "migrations", "apply", binding, "--local", ...from(config, data)],
      env: wranglerEnvironment(stateDir),
      cwd: stateDir,
      log_path: join(stateDir, "migrate.log"),
    });
    register(child);
    await child.ended;
    if (child.exitCode() !== 0)
      throw new Error(`The database ${binding} was not migrated:\n${child.lastLines().join("\n")}`);
  }
  writeFileSync(mark, version);
}

const from = (config: string, data: string): string[] => ["--config", config, "--persist-to", data];

function digest(): string {
  const folder = join(root, "migrations");
  const hash = createHash("sha256");
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest("hex");
}
