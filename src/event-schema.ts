import { z } from "zod";
import { batchSchema } from "#core/jobs/batch-view";
import { jobSchema } from "#core/jobs/view";
import { mediaSchema } from "#core/media/view";
import { eventTypes, type EventType } from "#core/webhooks/events";
import { accountSchema } from "./accounts.ts";
import { endpointSchema } from "./webhook-endpoints.ts";

/** What the data of an event is, by what stands before the dot of its type. */
const dataOf = {
  job: jobSchema,
  batch: batchSchema,
  media: mediaSchema,
  account: accountSchema,
  endpoint: endpointSchema,
} as const;

const schemaOf = (type: EventType) =>
  z
    .strictObject({
      id: z
        .string()
        .describe("The same at every attempt, and in `webhook-id`: what came before can be told by it."),
      type: z.literal(type),
      timestamp: z.iso.datetime(),
      data: dataOf[type.slice(0, type.indexOf(".")) as keyof typeof dataOf],
    })
    .describe(eventTypes[type]);

const types = Object.keys(eventTypes) as EventType[];

/** An event of each type, as it is sent and read. */
export const eventSchemas = Object.fromEntries(types.map((type) => [type, schemaOf(type)])) as Record<
  EventType,
  ReturnType<typeof schemaOf>
>;

const [first, ...others] = Object.values(eventSchemas) as [
  ReturnType<typeof schemaOf>,
  ...ReturnType<typeof schemaOf>[],
];

/** Any event. */
export const eventSchema = z
  .discriminatedUnion("type", [first, ...others])
  .describe(
    "As it is sent: `data` is the job, batch, medium, account or endpoint as the API showed it then.",
  );
