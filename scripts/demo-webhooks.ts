import { ask } from "./api.ts";
import type { Caller, Job } from "./jobs.ts";
import { startReceiver, type Received, type Receiver } from "./receiver.ts";
import { until } from "./wait.ts";

const TOLD_MS = 60_000;
/** How many requests it turns away, so that they come again. */
const FAILS = 2;

/** A receiver that an endpoint of the client names, and that fails twice on purpose. */
export async function listen({ url, key }: Caller): Promise<Receiver> {
  let secret = "";
  const receiver = await startReceiver(
    () => secret,
    (request) => (request <= FAILS ? "fail" : "take"),
  );
  const body = { url: receiver.url, events: ["job.*"], description: "the demo's receiver" };
  secret = (await ask<{ secret: string }>(`${url}/v1/webhook-endpoints`, { key, body })).secret;
  return receiver;
}

/** Wait until every one of these jobs has been told of. Returns what is wrong with what came. */
export async function checkTold(receiver: Receiver, jobs: readonly Job[]): Promise<string[]> {
  const byJob = () => Map.groupBy(receiver.events.values(), ({ data }) => data.id ?? "");
  await until("every ending to be told", TOLD_MS, () =>
    Promise.resolve(jobs.every(({ id }) => byJob().has(id))),
  ).catch(() => undefined);
  const told = byJob();
  const flaws = jobs.flatMap(({ id, state }) => flawsOf(id, state, told.get(id) ?? []));
  if (receiver.counts.refused !== FAILS)
    flaws.push(`the receiver refused ${receiver.counts.refused} requests`);
  if (receiver.counts.unsigned > 0)
    flaws.push(`${receiver.counts.unsigned} requests were not signed rightly`);
  return flaws;
}

function flawsOf(id: string, state: string, events: readonly Received[]): string[] {
  const [event] = events;
  if (events.length !== 1 || !event) return [`${id} was told ${events.length} times`];
  return event.type === `job.${state}` && event.data.state === state
    ? []
    : [`${id} was told as ${event.type}`];
}
