import { authorize } from "./authorize.ts";
import type { Grant } from "./entities.ts";
import { empty, type Answer, type Call } from "./exchange.ts";
import { grantOf } from "./grants.ts";
import type { Windows } from "./limits.ts";
import { problem } from "./problem.ts";
import { routeOf } from "./routes.ts";
import type { Sim } from "./sim.ts";
import { parametersOf, revoke, token } from "./tokens.ts";

type Open = (sim: Sim, call: Call) => Answer | Promise<Answer>;

// What needs no access token. X's documents name both addresses of the consent page.
const open: Record<string, Open> = {
  "GET /i/oauth2/authorize": authorize,
  "POST /i/oauth2/authorize": authorize,
  "GET /2/oauth2/authorize": authorize,
  "POST /2/oauth2/authorize": authorize,
  "POST /2/oauth2/token": token,
  "POST /2/oauth2/revoke": revoke,
};

/** A call's way through the gateway: its name in the books, its user, and what would answer it. */
export type Passing = { name: string; user_id: () => string | null; act: () => Promise<Answer> };

/** Find out what a call asks for, without doing it. */
export function passing(sim: Sim, windows: Windows, call: Call): Passing {
  const name = `${call.method} ${call.path}`;
  const direct = Object.hasOwn(open, name) ? open[name] : undefined;
  if (direct) return { name, user_id: () => formUser(sim, call), act: async () => direct(sim, call) };
  const found = routeOf(call);
  // X answers a route it does not have with 404 and nothing else.
  if (!found) return { name: "unknown route", user_id: () => null, act: async () => empty(404) };
  return {
    name: found.route.name,
    user_id: () => bearer(sim, call)?.user_id ?? null,
    act: async () => enter(sim, windows, call, found),
  };
}

// First who, then how often, then whether allowed: a refused scope costs a request of the window.
async function enter(
  sim: Sim,
  windows: Windows,
  call: Call,
  { route, ...ids }: NonNullable<ReturnType<typeof routeOf>>,
): Promise<Answer> {
  const grant = bearer(sim, call);
  const user = grant && sim.world.users.get(grant.user_id);
  if (!grant || !user) return problem(401);
  const { allowed, headers } = windows.take(
    route.name,
    grant.client_id,
    user.id,
    sim.world.settings,
    sim.now(),
  );
  let answer: Answer;
  if (!allowed) answer = problem(429);
  else if (!route.scopes.every((scope) => grant.scopes.includes(scope))) answer = problem(403);
  else answer = await route.act({ sim, call, ...ids, grant, user });
  Object.assign(answer.headers, headers);
  answer.headers["x-access-level"] = "read-write";
  return answer;
}

function bearer(sim: Sim, call: Call): Grant | null {
  const header = call.header("authorization") ?? "";
  return /^bearer /i.test(header) ? grantOf(sim, header.slice(7).trim()) : null;
}

// Whose tokens a call to the token endpoint is about.
function formUser(sim: Sim, call: Call): string | null {
  if (call.method !== "POST") return null;
  const form = parametersOf(call);
  const refresh = sim.world.refresh.get(form.get("refresh_token") ?? form.get("token") ?? "");
  return refresh?.grant.user_id ?? sim.world.codes.get(form.get("code") ?? "")?.user_id ?? null;
}
