import { z } from "zod";
import { reseal } from "#core/accounts/reseal";
import { reasonOf } from "#core/lib/log";
import { Problem } from "#core/lib/problem";
import { defineRoute } from "./route.ts";

/** Rows a step looks at: well within the time and the statements that one request may have. */
const STEP = 100;

const count = z.int().min(0);

/** POST /v1/token-keys/reseal: seal what stands in the databases anew with the newest key, one step of it. */
export const resealTokens = defineRoute({
  method: "POST",
  path: "/v1/token-keys/reseal",
  summary: "Seal tokens and secrets anew with the newest key of their ring, a step at a time",
  scope: "admin",
  body: z.strictObject({
    ring: z
      .enum(["tokens", "webhooks"])
      .default("tokens")
      .describe(
        "`tokens`: of accounts and apps, with TOKEN_KEYS. `webhooks`: of endpoints and callbacks, with WEBHOOK_KEYS.",
      ),
    cursor: z.string().max(100).optional().describe("The next_cursor of the step before."),
  }),
  example: { ring: "tokens" },
  answers: {
    200: {
      description: "What the step did. Go on with its next_cursor until that is null.",
      schema: z.strictObject({
        key: z.string().describe("The id of the newest key."),
        examined: count,
        resealed: count,
        moved: count.describe("Changed by another meanwhile, and left alone."),
        unreadable: z.array(z.string()).describe("What no key of the ring opens."),
        next_cursor: z.string().nullable(),
      }),
    },
  },
  async handle({ app, body }) {
    const sealing = body.ring;
    const opened = sealing === "tokens" ? app.ring() : app.webhookRing();
    const ring = await opened.catch((error: unknown) => {
      throw new Problem("misconfigured", { detail: reasonOf(error) });
    });
    const step = await reseal({ databases: app.databases, sealing, ring }, body.cursor ?? null, STEP);
    if (!step)
      throw new Problem("invalid", {
        errors: [{ pointer: "/cursor", code: "invalid", detail: "Not a next_cursor of this installation" }],
      });
    const { key, examined, resealed, unreadable } = step;
    app.log("tokens.resealed", { ring: sealing, key, examined, resealed, unreadable: unreadable.length });
    return Response.json(step);
  },
});
