import { z } from "zod";
import { misfits } from "#core/accounts/misfit";
import { within } from "#core/lib/clock";
import { reasonOf } from "#core/lib/log";
import { Problem } from "#core/lib/problem";
import { readRing } from "#core/lib/ring";
import type { Ring } from "#core/lib/seal";
import type { SealingRing } from "#core/store/sealed";
import { shard, shards } from "#core/store/shard";
import { ping } from "#core/store/sql";
import { defineRoute } from "./route.ts";

/** A database that takes longer is not ready. */
const DATABASE_MS = 2_000;

const ok = z.strictObject({ status: z.literal("ok") });

/** GET /healthz: the Worker runs. */
export const healthz = defineRoute({
  method: "GET",
  path: "/healthz",
  summary: "Does the Worker run?",
  scope: null,
  answers: { 200: { description: "It does.", schema: ok } },
  handle: async () => Response.json({ status: "ok" }),
});

/** GET /readyz: the databases answer, and the secrets can be used and are those that were used before. */
export const readyz = defineRoute({
  method: "GET",
  path: "/readyz",
  summary: "Can jobs be taken?",
  scope: null,
  answers: { 200: { description: "They can.", schema: ok } },
  async handle({ app }) {
    // What waiting does not mend, and what it may.
    const wrong: string[] = [];
    const broken: string[] = [];
    const ring = await app.ring().catch((error: unknown) => {
      wrong.push(error instanceof Error ? error.message : reasonOf(error));
      return null;
    });
    try {
      readRing(app.env.SESSION_KEYS, "SESSION_KEYS");
    } catch (error) {
      wrong.push(reasonOf(error));
    }
    const webhookRing = await app.webhookRing().catch((error: unknown) => {
      wrong.push(reasonOf(error));
      return null;
    });
    for (const name of shards(app.databases)) {
      const db = shard(app.databases, name);
      const answer = db
        ? look(db, { tokens: ring, webhooks: webhookRing })
        : Promise.reject(new Error("not bound"));
      await within(answer, DATABASE_MS).then(
        (sentences) => wrong.push(...sentences.map((sentence) => `database ${name}: ${sentence}`)),
        (error: unknown) => broken.push(`database ${name}: ${reasonOf(error)}`),
      );
    }
    const detail = [...wrong, ...broken].join("; ");
    if (detail !== "") throw new Problem(wrong.length > 0 ? "misconfigured" : "unavailable", { detail });
    return Response.json({ status: "ok" });
  },
});

/** Whether a database answers, and what is wrong with the rings for what stands in it. */
async function look(db: D1Database, rings: Record<SealingRing, Ring | null>): Promise<string[]> {
  await ping(db).run();
  const sentences: string[] = [];
  for (const sealing of ["tokens", "webhooks"] as const) {
    const ring = rings[sealing];
    if (ring) sentences.push(...(await misfits(db, sealing, ring)));
  }
  return sentences;
}
