import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setValue, valueOf } from "../../scripts/toml.ts";
import { root } from "../../scripts/wrangler.ts";
import type { Shares } from "../support/troubles.ts";

const wrapper = join(root, "test/support/troubled.ts");

/**
 * Put an entry of our own in front of each Worker, in the folder of its generated config: it wraps the bindings, in which things
 * go wrong from then on. What is checked in knows nothing of it. The seed fixes what each isolate throws its dice for, in turn.
 */
export function troubleWorkers(configs: readonly string[], seed: number, shares: Shares): void {
  configs.forEach((config, index) => {
    const toml = readFileSync(config, "utf8");
    const main = valueOf(toml, "", "main");
    const entry = config.replace(/wrangler\.toml$/, "troubled.ts");
    writeFileSync(
      entry,
      `import worker from ${JSON.stringify(main)};
import { troubledWorker } from ${JSON.stringify(wrapper)};

export default troubledWorker(worker);
`,
    );
    const told = JSON.stringify({ seed: seed * configs.length + index, shares });
    writeFileSync(config, setValue(setValue(toml, "", "main", entry), "vars", "TROUBLES", told));
  });
}
