import type { App, Grant, User } from "./entities.ts";
import { flawOf, type Schema } from "./schema.ts";
import { issue, scopes as knownScopes, tokenResponse } from "./grants.ts";
import { settingsFlaw, type Settings } from "./settings.ts";
import type { Sim } from "./sim.ts";

/** What an app is registered with; no secret makes it a public one. */
export type NewApp = { client_id: string; client_secret?: string | null; redirect_uris: string[] };
export type NewUser = { username: string; name?: string; premium?: boolean };
export type NewGrant = { client_id: string; user_id: string; scopes: string[] };
/** Whose grants; nothing named is everyone's. */
export type Which = { user_id?: string; grant_id?: string };
export type TokenResponse = ReturnType<typeof tokenResponse>;

const text: Schema = { type: "string", minLength: 1 };
const list: Schema = { type: "array", items: text };
const appSchema: Schema = {
  type: "object",
  properties: { client_id: text, client_secret: { type: "any" }, redirect_uris: list },
  required: ["client_id", "redirect_uris"],
};
const userSchema: Schema = {
  type: "object",
  properties: {
    username: { type: "string", pattern: /^[A-Za-z0-9_]{1,15}$/ },
    name: text,
    premium: { type: "boolean" },
  },
  required: ["username"],
};
const grantSchema: Schema = {
  type: "object",
  properties: { client_id: text, user_id: text, scopes: list },
  required: ["client_id", "user_id", "scopes"],
};
const whichSchema: Schema = { type: "object", properties: { user_id: text, grant_id: text } };

/** Thrown for a control that makes no sense; the message says what is wrong with it. */
export class BadControl extends Error {
  override name = "BadControl";
}

/** Register an app, or register it anew under the same id. */
export function saveApp(sim: Sim, given: NewApp): void {
  must(appSchema, given);
  const { client_id, client_secret = null, redirect_uris } = given;
  const secret: unknown = client_secret;
  if (secret !== null && typeof secret !== "string")
    throw new BadControl("client_secret must be a string or null");
  const app: App = { client_id, client_secret, redirect_uris };
  sim.commit({ type: "app.registered", app });
}

/** Create a user; a username that exists keeps its id and takes the new name and premium. */
export function saveUser(sim: Sim, given: NewUser): User {
  must(userSchema, given);
  const before = sim.world.usernames.get(given.username.toLowerCase());
  const user: User = {
    id: before?.id ?? sim.id(),
    username: given.username,
    name: given.name ?? before?.name ?? given.username,
    premium: given.premium ?? before?.premium ?? false,
    created_at: before?.created_at ?? sim.now(),
  };
  sim.commit({ type: "user.saved", user });
  return user;
}

/** Let a user allow an app, without the pages: what the token endpoint would answer. */
export function saveGrant(sim: Sim, given: NewGrant): TokenResponse & { grant_id: Grant["id"] } {
  must(grantSchema, given);
  if (!sim.world.apps.has(given.client_id)) throw new BadControl("unknown client_id");
  if (!sim.world.users.has(given.user_id)) throw new BadControl("unknown user_id");
  const unknown = given.scopes.find((scope) => !knownScopes.has(scope));
  if (unknown !== undefined) throw new BadControl(`unknown scope ${unknown}`);
  const grant = issue(sim, given, null);
  return { ...tokenResponse(grant), grant_id: grant.id };
}

/** End a grant, as a user does on X's page of connected apps. */
export function endGrant(sim: Sim, id: string): void {
  if (!sim.world.grants.has(id)) throw new BadControl("unknown grant");
  sim.commit({ type: "grant.revoked", id, at: sim.now() });
}

/** Let access tokens end now, before their time: all of them, or a user's, or a grant's. How many grants that meets. */
export function expireAccess(sim: Sim, which: Which): number {
  must(whichSchema, which);
  const { user_id, grant_id } = which;
  const grant_ids = [...sim.world.grants.values()]
    .filter((grant) => (user_id ?? grant.user_id) === grant.user_id && (grant_id ?? grant.id) === grant.id)
    .map(({ id }) => id);
  sim.commit({ type: "access.expired", grant_ids, at: sim.now() });
  return grant_ids.length;
}

/** Change some settings; the others stay. */
export function changeSettings(sim: Sim, change: Partial<Settings>): Settings {
  const flaw = settingsFlaw(change);
  if (flaw) throw new BadControl(flaw);
  sim.commit({ type: "settings.changed", change });
  return sim.world.settings;
}

function must(schema: Schema, value: unknown) {
  const flaw = flawOf(schema, value);
  if (flaw) throw new BadControl(flaw.message);
}
