import { z } from "zod";
import { tellingView } from "#core/jobs/telling-view";
import { isId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as events from "#core/store/events";
import type { TellingRow } from "#core/store/events";
import type { App } from "./app.ts";
import { authenticate, clientOf, type Caller } from "./auth.ts";
import { eventsAfter } from "./events.ts";
import { everywhere } from "./lists.ts";
import { defineRoute } from "./route.ts";

const POLL_MS = 1_000;
/** A stream ends after this long; its reader comes back with the last id. */
const LASTS_MS = 60_000;
/** So often it is made sure that the key still holds, and that the way to the reader is kept open. */
const BEAT_MS = 10_000;
const PAGE = 100;

/** GET /v1/events/stream: server-sent events, from now on or from `Last-Event-ID`. */
export const streamEvents = defineRoute({
  method: "GET",
  path: "/v1/events/stream",
  summary: "Be told what happens, as server-sent events; `Last-Event-ID` goes on where one was",
  scope: "jobs:read",
  query: z.strictObject({
    after: z
      .string()
      .refine((text) => isId("evt", text), "Not an event id (evt_…)")
      .optional()
      .describe("As `Last-Event-ID`, for those who cannot set headers."),
  }),
  answers: { 200: { description: "text/event-stream", schema: null } },
  async handle({ app, caller, request, query }) {
    const given = request.headers.get("last-event-id") ?? query.after;
    if (given !== undefined && !isId("evt", given))
      throw new Problem("unknown_parameter", {
        errors: [{ pointer: "Last-Event-ID", code: "invalid", detail: "Not an event id (evt_…)" }],
      });
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const after = given ?? (await newest(app, caller));
    app.later(pump({ app, caller, request }, after, writable.getWriter()));
    return new Response(readable, {
      headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
    });
  },
});

type Listening = { app: App; caller: Caller; request: Request };

/** Write what happens until the stream's time is over, its reader has gone, or its key does not hold any more. */
async function pump(
  { app, caller, request }: Listening,
  from: string,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  const write = (text: string) => writer.write(new TextEncoder().encode(text));
  const ends = app.clock.now() + LASTS_MS;
  let after = from;
  let beaten = app.clock.now();
  try {
    await write("retry: 1000\n\n");
    while (app.clock.now() < ends) {
      const page = await eventsAfter(app, caller, { after, type: "*" }, PAGE);
      after = page.last;
      if (page.rows.length > 0) await write(page.rows.map((row) => message(row, app)).join(""));
      if (page.has_more) continue;
      if (app.clock.now() - beaten >= BEAT_MS) {
        beaten = app.clock.now();
        await authenticate(app, request);
        await write(": still here\n\n");
      }
      await app.clock.sleep(POLL_MS);
    }
    await writer.close();
  } catch {
    // The reader has gone, or may not hear more: it comes back and is told why.
    await writer.close().catch(() => undefined);
  }
}

function message(row: TellingRow, app: App): string {
  const { id, type, ...rest } = tellingView(row, app.kinds);
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ id, type, ...rest })}\n\n`;
}

/** The id after which everything is new. */
async function newest(app: App, caller: Caller): Promise<string> {
  const ids = await everywhere<{ id: string }>(app, (db) => events.newest(db, clientOf(caller)));
  return (
    ids
      .flat()
      .map(({ id }) => id)
      .sort()
      .at(-1) ?? ""
  );
}
