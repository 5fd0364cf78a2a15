import { join } from "node:path";
import type { Answer, Wrangler } from "./wrangler.ts";

/**
 * A wrangler that says what it would be asked, and answers as an empty account does that gets what is created. Nothing goes over the
 * network; Workers are built by the real one, which says so when a config or the code does not do.
 */
export function dryWrangler(real: Wrangler, folder: string, say: (text: string) => void): Wrangler {
  const databases: string[] = [];
  const namespaces: string[] = [];
  const answers: Record<string, (name: string) => string> = {
    "d1 list": () => JSON.stringify(databases.map((name) => ({ name, uuid: placeholder(name) }))),
    "kv namespace list": () => JSON.stringify(namespaces.map((title) => ({ title, id: placeholder(title) }))),
    "d1 create": (name) => noted(databases, name),
    "kv namespace create": (name) => noted(namespaces, name),
    "secret list": () => "[]",
  };
  return async (args) => {
    say(`  $ wrangler ${args.join(" ")}`);
    if (args[0] === "deploy") return built(await real(buildArgs(args, folder)));
    const verb = Object.keys(answers).find((one) => args.join(" ").startsWith(one)) ?? "";
    const name = args[verb.split(" ").length] ?? "";
    return { code: 0, stdout: answers[verb]?.(name) ?? "", stderr: "" };
  };
}

/** The account's own id stands there when it is not a dry run. */
const placeholder = (name: string): string => `the-id-of-${name}`;

function noted(names: string[], name: string): string {
  names.push(name);
  return "";
}

const built = (answer: Answer): Answer => ({ ...answer, stdout: answer.code === 0 ? "" : answer.stdout });

/** The secrets' file is not there in a dry run, and what is built is not left beside the configs. */
function buildArgs(args: readonly string[], folder: string): string[] {
  const secrets = args.indexOf("--secrets-file");
  const rest =
    secrets < 0 ? [...args] : args.filter((_, index) => index !== secrets && index !== secrets + 1);
  return [...rest, "--dry-run", "--outdir", join(folder, "built")];
}
