import { z } from "zod";
import { isId } from "#core/lib/ids";
import type { FieldError } from "#core/lib/problem";
import * as accounts from "#core/store/accounts";
import { shard } from "#core/store/shard";
import { all } from "#core/store/sql";
import type { App } from "./app.ts";

/** The accounts that a key or a session is for, in a body. */
export const accountIds = (most: number) =>
  z.array(z.string().refine((text) => isId("acc", text), "Not an account id (acc_…)")).max(most);

/**
 * What is wrong with such a list: accounts beyond the `reach` of whoever asks (null: all of the client's), and accounts that
 * are not the client's.
 */
export async function accountErrors(
  app: App,
  clientId: string,
  ids: readonly string[],
  reach: readonly string[] | null,
): Promise<FieldError[]> {
  const owned = await ownedAmong(app, clientId, ids);
  return ids.flatMap((id, index) => {
    const pointer = `/account_ids/${index}`;
    if (reach && !reach.includes(id))
      return [{ pointer, code: "not_granted", detail: "This key does not reach that account" }];
    return owned.has(id) ? [] : [{ pointer, code: "not_found", detail: "No such account of this client" }];
  });
}

async function ownedAmong(app: App, clientId: string, ids: readonly string[]): Promise<Set<string>> {
  const found = await Promise.all(
    [...Map.groupBy(ids, (id) => id.slice(-1))].map(async ([name, some]) => {
      const db = shard(app.databases, name);
      return db ? all<{ id: string }>(accounts.owned(db, clientId, some)) : [];
    }),
  );
  return new Set(found.flat().map(({ id }) => id));
}
