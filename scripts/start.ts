import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { secretsPath, writePrivate } from "./secrets.ts";
import { readSettings, type Settings } from "./settings.ts";
import { untilAsked } from "./signals.ts";
import { startStack, type Running, type Stack } from "./stack.ts";
import { connectLink, ensureTenant, type Tenant } from "./tenant.ts";

/** `npm start`: the whole proxy on this machine, with a simulated X, until Ctrl-C. */
async function main(): Promise<number> {
  const settings = readSettings(process.env);
  const asked = untilAsked();
  const sign = join(settings.state_dir, "local.json");
  if (existsSync(sign)) rmSync(sign);
  const stack = startStack({ ...settings, onLine: showTrouble });
  try {
    const result = await Promise.race([asked, serve(stack, settings, sign)]);
    return result;
  } finally {
    rmSync(sign, { force: true });
    await stack.stop();
  }
}

/** Start, say so, and go on until a part breaks. */
async function serve(stack: Stack, settings: Settings, sign: string): Promise<never> {
  console.log("Starting …");
  const running = await stack.ready;
  const tenant = await Promise.race([ensureTenant(running, settings.state_dir), stack.broken]);
  const { url, simulator_url, admin_key } = running;
  const local = { url, simulator_url, admin_key, ...tenant };
  const link = await Promise.race([connectLink(url, tenant), stack.broken]);
  writePrivate(sign, `${JSON.stringify(local, null, 2)}\n`);
  console.log(greeting(running, tenant, settings.state_dir, link));
  return stack.broken;
}

function greeting(
  { url, simulator_url }: Running,
  tenant: Tenant,
  stateDir: string,
  link: string | null,
): string {
  const secrets = secretsPath(stateDir);
  const key = `$(node -p 'require("${secrets}").api_key')`;
  const post = `curl -s ${url}/v1/tweets -H "Authorization: Bearer ${key}" \\
    -H 'Content-Type: application/json' -d '{"account_id":"${tenant.account_id ?? "acc_…"}","text":"Hello from the queue"}'`;
  return `
Twitter API Proxy  ${url}
Simulated X        ${simulator_url ?? "none: X_API_URL names another X"}
Client             ${tenant.client_id}
Account            ${tenant.account_id ?? "none yet: POST /v1/accounts/connect"}
Secrets            ${secrets}
Logs               ${join(stateDir, "workers.log")}

Post a tweet:
  ${post}
${simulator_url === null ? "" : `See what the simulated X has:\n  curl -s ${simulator_url}/_sim/tweets\n`}
${link === null ? "" : `Connect another account: open this in a browser within ten minutes, it works once:\n  ${link}\n`}
Ctrl-C ends everything.`;
}

/** What the Workers write goes to their log; trouble is shown as well. */
function showTrouble(line: string): void {
  if (/\[ERROR\]|wrangler:error|Uncaught|"event":"[a-z]+\.(failed|unready)"/.test(line)) console.error(line);
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
