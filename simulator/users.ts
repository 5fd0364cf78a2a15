import { json, type Answer } from "./exchange.ts";
import { notFound } from "./problem.ts";
import { userOf } from "./render.ts";
import type { Visit } from "./sim.ts";

/** GET /2/users/me. */
export function me({ call, user }: Visit): Answer {
  return json({ data: userOf(user, call.query) });
}

/** GET /2/users/:id. */
export function lookupUser({ sim, call, id }: Visit): Answer {
  const user = sim.world.users.get(id);
  if (!user) return json({ errors: [notFound(sim.world.settings, "user", "id", id)] });
  return json({ data: userOf(user, call.query) });
}
