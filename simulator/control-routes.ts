import { BadControl } from "./controls.ts";
import type { NewApp, NewGrant, NewUser } from "./controls.ts";
import { json, jsonBody, type Answer, type Call } from "./exchange.ts";
import type { FaultRule } from "./faults.ts";
import type { Settings } from "./settings.ts";
import type { Simulator } from "./simulator.ts";

type Control = (simulator: Simulator, call: Call) => unknown;

// A control's body is believed only as far as the function it is given to checks it.

const controls: Record<string, Control> = {
  "DELETE /_sim": (simulator) => {
    simulator.reset();
    return { reset: true };
  },
  "GET /_sim/apps": (simulator) => ({ apps: simulator.apps() }),
  "POST /_sim/apps": (simulator, call) => {
    const app = jsonBody(call) as NewApp;
    simulator.createApp(app);
    return simulator.apps().find(({ client_id }) => client_id === app.client_id);
  },
  "GET /_sim/users": (simulator) => ({ users: simulator.users() }),
  "POST /_sim/users": (simulator, call) => simulator.createUser(jsonBody(call) as NewUser),
  "GET /_sim/grants": (simulator) => ({ grants: simulator.grants() }),
  "POST /_sim/grants": (simulator, call) => simulator.createGrant(jsonBody(call) as NewGrant),
  "DELETE /_sim/grants": (simulator, call) => {
    simulator.revokeGrant(call.query.get("id") ?? "");
    return { revoked: true };
  },
  // Not a revocation: the refresh tokens stay good.
  "POST /_sim/access-tokens/expire": (simulator, call) => ({
    grants: simulator.expireAccess(jsonBody(call) ?? {}),
  }),
  "GET /_sim/tweets": (simulator, { query }) => {
    const limit = whole(query, "limit") ?? 1_000;
    return simulator.tweetPage(query.get("user_id") ?? undefined, limit, whole(query, "cursor") ?? 0);
  },
  "GET /_sim/media": (simulator) => ({ media: simulator.media() }),
  "GET /_sim/engagements": (simulator) => ({ engagements: simulator.engagements() }),
  "GET /_sim/calls": (simulator) => simulator.calls(),
  "DELETE /_sim/calls": (simulator) => {
    simulator.clearCalls();
    return { cleared: true };
  },
  "GET /_sim/faults": (simulator) => ({ faults: simulator.faults() }),
  "PUT /_sim/faults": (simulator, call) => {
    const body = jsonBody(call) as { faults?: FaultRule[] } | null | undefined;
    simulator.setFaults(body?.faults ?? missing("faults"));
    return { faults: simulator.faults() };
  },
  "GET /_sim/settings": (simulator) => simulator.settings(),
  "PUT /_sim/settings": (simulator, call) => simulator.setSettings(jsonBody(call) as Partial<Settings>),
};

/** The answer to a call under /_sim; 400 `{"error"}` when it makes no sense, 404 when there is no such control. */
export function control(simulator: Simulator, call: Call): Answer {
  const name = `${call.method} ${call.path}`;
  const act = Object.hasOwn(controls, name) ? controls[name] : undefined;
  if (!act) return json({ error: `no such control: ${name}` }, 404);
  try {
    return json(act(simulator, call));
  } catch (error) {
    if (error instanceof BadControl) return json({ error: error.message }, 400);
    throw error;
  }
}

function whole(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  return /^\d{1,9}$/.test(value) ? Number(value) : missing(name);
}

function missing(name: string): never {
  throw new BadControl(`${name} is missing or not valid`);
}
