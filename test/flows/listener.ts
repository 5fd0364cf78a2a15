/**
 * A receiver of webhooks as a process of its own, which can be killed hard: what it takes stands in its book before it says so.
 * It lives by the clock of the stack whose events it takes, or it would find their signatures too old.
 */
import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import { startReceiver, type Mood } from "../../scripts/receiver.ts";
import { seeded } from "../support/seeded.ts";
import type { Line, Listening } from "./listening.ts";

const EPOCH_MS = Date.UTC(2026, 0, 1);
const realNow = Date.now.bind(Date);
let [secret, scale] = ["", 1];
Date.now = () => EPOCH_MS + Math.round((realNow() - EPOCH_MS) * scale);

/** What is said to it while it runs. */
process.on("message", (told: { secret?: string; scale?: number }) => {
  secret = told.secret ?? secret;
  scale = told.scale ?? scale;
  process.send?.("heard");
});
// Whoever started it is gone.
process.on("disconnect", () => process.exit());

const { port, book, seed, fails, hangs, most } = JSON.parse(process.argv[2] ?? "") as Listening;
const chance = seeded(seed);
const refused = new Map<string, number>();

function mood(_: number, id: string): Mood {
  const dice = chance();
  const times = refused.get(id) ?? 0;
  if (dice >= fails + hangs || times >= most) return "take";
  refused.set(id, times + 1);
  return dice < hangs ? "hang" : "fail";
}

await startReceiver(() => secret, mood, {
  port,
  onEvent(event, body) {
    const hash = createHash("sha256").update(body).digest("hex").slice(0, 16);
    const { sequence = 0, id: subject = "" } = event?.data ?? {};
    const line: Line = { id: event?.id ?? null, type: event?.type ?? "", subject, sequence, hash };
    appendFileSync(book, `${JSON.stringify(line)}\n`);
  },
});
process.send?.("heard");
