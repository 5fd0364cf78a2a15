import { Problem } from "#core/lib/problem";
import { publicUrl } from "#core/lib/public-url";
import * as endpoints from "#core/store/endpoints";
import type { EndpointRow } from "#core/store/endpoints";
import { shard, shards } from "#core/store/shard";
import { first } from "#core/store/sql";
import type { App } from "./app.ts";
import { audit } from "./audit.ts";
import { clientOf, type Caller } from "./auth.ts";

/** Change an endpoint on every database, the client's own first; noted once. */
export async function everywhere(
  app: App,
  caller: Caller,
  row: EndpointRow,
  action: `endpoint.${string}`,
  change: (db: D1Database) => D1PreparedStatement[],
): Promise<void> {
  const home = shard(app.databases, row.id);
  if (!home) throw new Problem("unavailable");
  const entry = { client_id: row.client_id, action, subject: row.id };
  await home.batch([...change(home), audit(home, caller, entry, app.clock.now())]);
  for (const db of databasesOf(app)) if (db !== home) await db.batch(change(db));
}

/** Every database that is bound. */
export const databasesOf = (app: App): D1Database[] =>
  shards(app.databases).flatMap((name) => shard(app.databases, name) ?? []);

/** An endpoint that the caller may see. Another's is not found, like one that does not exist. */
export async function findEndpoint(app: App, caller: Caller, id: string): Promise<EndpointRow> {
  const client_id = clientOf(caller);
  const home = shard(app.databases, client_id);
  const row = home && (await first<EndpointRow>(endpoints.find(home, client_id, id)));
  if (!row || !reaches(caller, row)) throw new Problem("not_found", { detail: "No such endpoint" });
  return row;
}

/** A key that is limited to some accounts reaches endpoints of no others. */
export const reaches = ({ account_ids }: Caller, row: EndpointRow): boolean =>
  account_ids === null ||
  (row.account_ids !== null &&
    (JSON.parse(row.account_ids) as string[]).every((id) => account_ids.includes(id)));

/** Throws for accounts that a key does not reach. */
export function mustReach(caller: Caller, accounts: string[] | null): void {
  if (caller.account_ids === null) return;
  if (accounts?.every((id) => caller.account_ids?.includes(id))) return;
  throw new Problem("insufficient_scope", {
    detail: "This key hears of its own accounts alone: name them in account_ids",
  });
}

/** The address as it will be called. Throws `invalid` for one that must not be. */
export function checkUrl(app: App, pointer: string, given: string | null): string | null {
  if (given === null) return null;
  const read = publicUrl(given, { allowLocal: app.env.ALLOW_LOCAL_WEBHOOKS === "on" });
  if ("url" in read) return read.url.href;
  throw new Problem("invalid", { errors: [{ pointer, code: "not_public", detail: read.refused }] });
}
