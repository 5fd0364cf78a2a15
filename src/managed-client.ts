import { Problem } from "#core/lib/problem";
import * as clients from "#core/store/clients";
import type { ClientRow } from "#core/store/clients";
import { shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import type { App } from "./app.ts";
import type { Caller } from "./auth.ts";

/** Whether a caller with the scope `admin` manages a client: the admin key every one, a client's own key that client alone. */
export const manages = (caller: Caller, clientId: string): boolean =>
  caller.client_id === null || caller.client_id === clientId;

/** A client that the caller manages, and its database. Another's is not found, like one that does not exist. */
export async function findClient(
  app: App,
  caller: Caller,
  id: string,
): Promise<{ client: ClientRow; db: D1Database }> {
  const db = manages(caller, id) ? shard(app.databases, id) : null;
  const client = db && (await first<ClientRow>(clients.find(db, id)));
  if (!db || !client) throw new Problem("not_found", { detail: "No such client" });
  return { client, db };
}
