import { z } from "zod";
import { within } from "#core/lib/clock";
import { reasonOf } from "#core/lib/log";
import { Problem } from "#core/lib/problem";
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

/** GET /readyz: the databases answer and the secrets can be used. */
export const readyz = defineRoute({
  method: "GET",
  path: "/readyz",
  summary: "Can jobs be taken?",
  scope: null,
  answers: { 200: { description: "They can.", schema: ok } },
  async handle({ app }) {
    const broken: string[] = [];
    await app.ring().catch((error: unknown) => broken.push(reasonOf(error)));
    for (const name of shards(app.databases)) {
      const db = shard(app.databases, name);
      const answer = db ? ping(db).run() : Promise.reject(new Error("not bound"));
      await within(answer, DATABASE_MS).catch((error: unknown) =>
        broken.push(`database ${name}: ${reasonOf(error)}`),
      );
    }
    if (broken.length > 0) throw new Problem("unavailable", { detail: broken.join("; ") });
    return Response.json({ status: "ok" });
  },
});
