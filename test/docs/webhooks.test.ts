import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { expect, onTestFinished, test } from "vitest";
import { freePorts } from "../../scripts/ports.ts";
import { until } from "../../scripts/wait.ts";
import { root } from "../../scripts/wrangler.ts";

const SECRET = `whsec_${btoa("a".repeat(32))}`;

/** What the README says to those who verify webhooks, run as it stands there, but for its port. */
async function receiver() {
  const [, code = ""] =
    /```js\n(import \{ createServer[\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8")) ?? [];
  const [port = 0] = await freePorts(1);
  const program = code.replace("9000", String(port));
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: root,
    env: { ...process.env, WEBHOOK_SECRET: SECRET },
  });
  onTestFinished(() => {
    child.kill();
  });
  let said = "";
  child.stdout.on("data", (data: Buffer) => (said += data.toString()));
  const url = `http://127.0.0.1:${port}/`;
  await until("the receiver", 10_000, async () => (await fetch(url)).status === 400);
  return { code, url, said: () => said };
}

test("the lines of the README verify what is signed, and refuse what is not, or was long ago", async () => {
  const { code, url, said } = await receiver();
  expect(code.split("\n").length).toBeLessThanOrEqual(20);
  const body = JSON.stringify({ id: "evt_1", type: "job.succeeded", data: { id: "job_1" } });
  const post = async (secret: string, at: Date) => {
    const headers = {
      "webhook-id": "evt_1",
      "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
      "webhook-signature": new Webhook(secret).sign("evt_1", at, body),
    };
    return (await fetch(url, { method: "POST", headers, body })).status;
  };
  const now = new Date();
  expect(await post(SECRET, now)).toBe(204);
  expect(await post(`whsec_${btoa("b".repeat(32))}`, now)).toBe(400);
  expect(await post(SECRET, new Date(now.getTime() - 600_000))).toBe(400);
  await until("what it says", 5_000, () => Promise.resolve(said().includes("evt_1 job.succeeded")));
});
