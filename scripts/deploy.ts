import { join } from "node:path";
import { askHidden } from "./deploy/prompt.ts";
import { dryWrangler } from "./deploy/dry.ts";
import { readOptions, usage, type Options } from "./deploy/options.ts";
import { deploy, type Outside } from "./deploy/run.ts";
import { projectWrangler } from "./deploy/wrangler.ts";
import { pause } from "./wait.ts";

const say = (text: string): void => {
  console.log(text);
};

/** `npm run deploy`: put everything on Cloudflare. */
async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === null) {
    say(usage);
    return 1;
  }
  if (options.dry_run)
    say("A dry run, as on an account that has nothing yet: what is there already is left as it is.");
  await deploy(options.dry_run ? { ...options, account_id: "dry-run" } : options, outside(options));
  return 0;
}

function outside(options: Options): Outside {
  const { folder, dry_run } = options;
  const real = (account_id: string | null) => projectWrangler(folder, account_id, process.env);
  const dry = dryWrangler(real(null), join(folder, "dry-run"), say);
  const onTerminal = process.stdin.isTTY && process.stdout.isTTY && !dry_run;
  return {
    wrangler: dry_run ? () => dry : real,
    environment: process.env,
    ask: onTerminal
      ? (name) =>
          askHidden(`${name} (of your X app; empty to leave it out): `, {
            input: process.stdin,
            output: process.stdout,
          })
      : null,
    say,
    fetch: (url) => fetch(url),
    pause,
  };
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
