import { spawn } from "node:child_process";
import { join } from "node:path";
import { root, wranglerPath } from "../wrangler.ts";

/** What a run of wrangler came to. */
export type Answer = { code: number | null; stdout: string; stderr: string };

/** Runs wrangler with these arguments. Never rejects because wrangler failed. */
export type Wrangler = (args: readonly string[]) => Promise<Answer>;

/** Wrangler failed at something: its own words are part of the message. */
export class WranglerFailed extends Error {
  override name = "WranglerFailed";

  constructor(args: readonly string[], { code, stdout, stderr }: Answer) {
    const words = [stdout, stderr].map((text) => text.trim()).filter(Boolean);
    super([`wrangler ${args.join(" ")} ended with ${code ?? "a signal"}`, ...words].join("\n"));
  }
}

/** What wrangler prints when it does as it is told. Rejects with `WranglerFailed` when it does not. */
export async function run(wrangler: Wrangler, args: readonly string[]): Promise<string> {
  const answer = await wrangler(args);
  if (answer.code !== 0) throw new WranglerFailed(args, answer);
  return answer.stdout;
}

/** The wrangler of this project. It asks nothing, and keeps its logs, without what it sends, in the given folder. */
export const projectWrangler =
  (folder: string, account_id: string | null, environment: NodeJS.ProcessEnv): Wrangler =>
  (args) => {
    const child = spawn(process.execPath, [wranglerPath, ...args], {
      cwd: root,
      env: {
        ...environment,
        ...(account_id !== null && { CLOUDFLARE_ACCOUNT_ID: account_id }),
        CI: "1",
        NO_COLOR: "1",
        FORCE_COLOR: "0",
        // Its answers are read: they must be there, however quiet the caller wants it.
        WRANGLER_LOG: "log",
        WRANGLER_HIDE_BANNER: "true",
        WRANGLER_LOG_PATH: join(folder, "wrangler/logs"),
        WRANGLER_LOG_SANITIZE: "true",
        WRANGLER_SEND_METRICS: "false",
        WRANGLER_SEND_ERROR_REPORTS: "false",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const answer: Answer = { code: null, stdout: "", stderr: "" };
    child.stdout.on("data", (data: Buffer) => (answer.stdout += data.toString()));
    child.stderr.on("data", (data: Buffer) => (answer.stderr += data.toString()));
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        resolve({ ...answer, code });
      });
    });
  };
