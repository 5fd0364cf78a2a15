import type { BatchOrder } from "#core/jobs/enqueue-batch";
import { utf8 } from "#core/lib/bytes";
import { shardOf } from "#core/lib/ids";
import { Problem, type FieldError } from "#core/lib/problem";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import { shard } from "#core/store/shard";
import { all } from "#core/store/sql";
import type { App } from "./app.ts";
import { clientOf, mayUse, type Caller } from "./auth.ts";
import type { Checked, GoodItem, Rejection } from "./batch-check.ts";
import { callbacksOf } from "./callback.ts";
import { mediaErrors } from "./check-media.ts";
import type { Plan } from "./spread.ts";

/** What a batch is known by. */
export type BatchHead = Pick<BatchOrder, "id" | "created_at" | "key">;

/** What is kept of rejected items: more does not fit into a row. */
const REJECTIONS_BYTES = 900_000;

/**
 * The batch as it is to be written: without the items whose account, media or callback URL cannot be used. Throws 422 when
 * nothing is left, or when it was to be all or none.
 */
export async function orderOf(
  app: App,
  caller: Caller,
  checked: Checked,
  head: BatchHead,
): Promise<BatchOrder> {
  const client_id = clientOf(caller);
  const reached = await withAccounts(app, caller, checked);
  const told = await withMedia(app, caller, await withCallbacks(app, caller, reached));
  const { good, rejections } = placed(told, checked.plan);
  if (good.length === 0) throw refusal("No item can be taken", rejections);
  if (checked.header.atomic) {
    if (rejections.length > 0) throw refusal("Nothing was taken, for it was to be all or none", rejections);
    if (new Set(good.map(({ fields }) => shardOf(fields.account_id))).size > 1) throw notAtomic();
  }
  return {
    ...head,
    client_id,
    rejected: rejections.length,
    rejections: JSON.stringify(fitting(rejections)),
    warnings: JSON.stringify(warningsIn(good)),
    items: good.map(({ index, fields, cost_estimated, noticed }) => ({
      index,
      order: { ...fields, client_id, cost_estimated },
      warnings: noticed,
    })),
  };
}

type Told = { good: GoodItem[]; rejections: Rejection[] };

/** Items are told apart once more, by their accounts. */
async function withAccounts(app: App, caller: Caller, checked: Checked): Promise<Told> {
  const ids = [...new Set(checked.good.map(({ fields }) => fields.account_id))];
  const states = await statesOf(app, clientOf(caller), ids);
  const errors = new Map(ids.map((id) => [id, listed(accountError(states.get(id), mayUse(caller, id)))]));
  return tellApart(
    checked,
    checked.good.map(({ fields }) => errors.get(fields.account_id) ?? []),
  );
}

/** And by the media that they need. */
async function withMedia(app: App, caller: Caller, told: Told): Promise<Told> {
  return tellApart(
    told,
    await mediaErrors(
      app,
      caller,
      told.good.map(({ fields }) => fields),
    ),
  );
}

/** And by where they want to be told. */
async function withCallbacks(app: App, caller: Caller, { good, rejections }: Told): Promise<Told> {
  if (!good.some(({ fields }) => fields.callback_url)) return { good, rejections };
  const callbackOf = await callbacksOf(app, clientOf(caller));
  const callbacks = good.map(({ fields: { callback_url } }) =>
    callback_url ? callbackOf(callback_url) : null,
  );
  const called = good.map((item, place) => {
    const read = callbacks[place];
    return read && "url" in read ? { ...item, fields: { ...item.fields, callback_url: read.url } } : item;
  });
  return tellApart(
    { good: called, rejections },
    callbacks.map((read) => (read && "error" in read ? [read.error] : [])),
  );
}

/** And by when they would be due: the items that say no time are placed, those that are too late then are not taken. */
function placed(told: Told, plan: Plan | null): Told {
  if (!plan) return told;
  const times = plan(told.good.filter(({ fields }) => fields.run_at === null).length).values();
  const good = told.good.map((item) =>
    item.fields.run_at === null
      ? { ...item, fields: { ...item.fields, run_at: times.next().value ?? null } }
      : item,
  );
  const late = { pointer: "/expires_at", code: "too_early", detail: "The item is placed after that" };
  return tellApart(
    { ...told, good },
    good.map(({ fields: { run_at, expires_at } }) =>
      (expires_at ?? Infinity) <= (run_at ?? 0) ? [late] : [],
    ),
  );
}

const listed = (error: FieldError | null): FieldError[] => (error ? [error] : []);

/** `errors`: what is wrong with each item that was good so far. */
function tellApart(told: Told, errors: FieldError[][]): Told {
  const isGood = (index: number) => (errors[index]?.length ?? 0) === 0;
  const bad = told.good.flatMap(({ index }, place) =>
    isGood(place) ? [] : [{ index, errors: errors[place] ?? [] }],
  );
  return {
    good: told.good.filter((_, place) => isGood(place)),
    rejections: [...told.rejections, ...bad].sort((a, b) => a.index - b.index),
  };
}

type AccountStates = Map<string, AccountRow["state"]>;

async function statesOf(app: App, clientId: string, ids: string[]): Promise<AccountStates> {
  const found = await Promise.all(
    [...Map.groupBy(ids, shardOf)].map(async ([name, some]) => {
      const db = shard(app.databases, name);
      return db ? all<Pick<AccountRow, "id" | "state">>(accounts.states(db, clientId, some)) : [];
    }),
  );
  return new Map(found.flat().map(({ id, state }) => [id, state]));
}

/** Why an item cannot be taken for its account, if it cannot. */
function accountError(state: AccountRow["state"] | undefined, isReached: boolean): FieldError | null {
  const error = (code: string, detail: string) => ({ pointer: "/account_id", code, detail });
  if (!isReached) return error("not_granted", "This key does not reach that account");
  if (state === undefined) return error("not_found", "No such account");
  return state === "disconnected" ? error("account_disconnected", "This account was disconnected") : null;
}

const refusal = (detail: string, rejections: Rejection[]): Problem =>
  new Problem("invalid", {
    detail,
    errors: rejections.flatMap(({ index, errors }) =>
      errors.map((error) => ({ ...error, pointer: `/items/${index}${error.pointer}` })),
    ),
  });

const notAtomic = (): Problem =>
  new Problem("invalid", {
    errors: [
      {
        pointer: "/atomic",
        code: "several_databases",
        detail:
          "Accounts on different databases cannot be had all or none: the last character of their ids differs",
      },
    ],
  });

/** The first of them, as many as fit. */
function fitting(rejections: Rejection[]): Rejection[] {
  let bytes = 0;
  const end = rejections.findIndex(
    (one) => (bytes += utf8(JSON.stringify(one)).length + 1) > REJECTIONS_BYTES,
  );
  return end < 0 ? rejections : rejections.slice(0, end);
}

/** How many items carry which warning. */
function warningsIn(good: GoodItem[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { warnings } of good) for (const { code } of warnings) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}
