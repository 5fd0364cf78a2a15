/** What `npm start` runs, with Workers in whose bindings things go wrong: a process that can be killed hard. TROUBLE_SEED is its seed. */
import { join } from "node:path";
import { writePrivate } from "../scripts/secrets.ts";
import { readSettings } from "../scripts/settings.ts";
import { startStack } from "../scripts/stack.ts";
import { ensureTenant } from "../scripts/tenant.ts";
import { troubleWorkers } from "../test/flows/troubled.ts";
import { SHARES } from "../test/support/troubles.ts";

const settings = readSettings(process.env);
const stack = startStack({
  ...settings,
  onConfigs: (configs) => {
    troubleWorkers(configs, Number(process.env.TROUBLE_SEED), SHARES);
  },
  // For whoever counts them.
  onLine: (line) => {
    if (line.includes('"event":"trouble"')) console.log(line);
  },
});
const running = await stack.ready;
const { url, simulator_url, admin_key } = running;
const tenant = await ensureTenant(running, settings.state_dir);
const local = { url, simulator_url, admin_key, ...tenant };
writePrivate(join(settings.state_dir, "local.json"), JSON.stringify(local));
await stack.broken;
