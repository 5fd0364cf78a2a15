import type { Rejection } from "#core/jobs/batch-view";
import { costOf, type Warning } from "#core/jobs/define";
import type { Kinds } from "#core/jobs/registry";
import { Problem, type FieldError } from "#core/lib/problem";
import type { Prices } from "#core/x/prices";
import type { BatchHeader, BatchSink } from "./batch-body.ts";
import { commonErrors, isCommon, readOrder, type OrderFields } from "./order.ts";
import { named } from "./problem.ts";
import { planOf, type Plan } from "./spread.ts";

/** An item that may be taken, and what was noticed of it. */
export type GoodItem = {
  index: number;
  fields: OrderFields;
  cost_estimated: number;
  /** What its kind would say of it alone, too. */
  warnings: Warning[];
  /** What only this batch knows: stored with the job. */
  noticed: Warning[];
};

/** An item that is not taken, and why: pointers into the item. */
export type { Rejection };

export type Checked = {
  header: BatchHeader;
  good: GoodItem[];
  rejections: Rejection[];
  size: number;
  plan: Plan | null;
};

type Fields = Record<string, unknown>;

/** Items are checked one by one as they come, each by its own kind. Times are read as of `now`. */
export function checkingInto(
  { kinds, prices }: { kinds: Kinds; prices: Prices },
  now: number,
): BatchSink & { checked: Checked } {
  const checked: Checked = { header: {}, good: [], rejections: [], size: 0, plan: null };
  const texts = new Map<string, number>();
  let complete: (item: Fields) => Fields = (item) => item;

  const reject = (index: number, errors: FieldError[]) =>
    checked.rejections.push({ index, errors: errors.map(named) });

  return {
    checked,
    begin(header) {
      checked.header = header;
      checked.plan = planOf(header, now);
      complete = completion(header.defaults ?? {});
    },
    broken: () =>
      reject(checked.size++, [{ pointer: "", code: "not_json", detail: "This line is not JSON" }]),
    item(value) {
      const index = checked.size++;
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        reject(index, [{ pointer: "", code: "invalid_type", detail: "An item is an object" }]);
        return;
      }
      try {
        const fields = readItem(kinds, complete(value as Fields), now);
        if (fields.dry_run) {
          reject(index, [{ pointer: "/dry_run", code: "not_here", detail: "A batch is taken, not tried" }]);
          return;
        }
        const noticed = repeats(texts, index, fields);
        const own = fields.kind.warnings?.(fields.params as never) ?? [];
        const cost_estimated = costOf(fields, prices);
        checked.good.push({ index, fields, cost_estimated, noticed, warnings: [...own, ...noticed] });
      } catch (error) {
        if (!(error instanceof Problem) || !error.extra.errors) throw error;
        reject(index, error.extra.errors);
      }
    },
  };
}

/** An item is the body of its kind's shorthand and `kind`, or a body as `POST /v1/jobs` takes it. */
export function readItem(kinds: Kinds, item: Fields, now: number): OrderFields {
  const { kind: name = "tweet.create", ...rest } = item;
  const kind = typeof name === "string" && kinds.names.includes(name) ? kinds.find(name) : null;
  if (kind) return readOrder(kind, rest, now, "params" in rest ? "params" : "top");
  const detail = `One of ${kinds.names.join(", ")}`;
  throw new Problem("invalid", {
    errors: [{ pointer: "/kind", code: "invalid_value", detail }, ...commonErrors(pick(rest, isCommon), now)],
  });
}

/** How an item is filled up from the defaults: field by field, in `params` too. Of two ways to say until when, the item's counts. */
function completion(defaults: Fields): (item: Fields) => Fields {
  const { kind, params: given, ...rest } = defaults;
  const isOfJob = (name: string) => isCommon(name);
  const common = pick(rest, isOfJob);
  const params = { ...pick(rest, (name) => !isOfJob(name)), ...(isFields(given) ? given : {}) };
  return (item) => {
    const { expires_at, expires_after_s, ...timeless } = common;
    const saysUntil = "expires_at" in item || "expires_after_s" in item;
    const until = saysUntil ? {} : pick({ expires_at, expires_after_s }, (name) => name in common);
    const base = { ...(kind !== undefined && { kind }), ...timeless, ...until };
    return isFields(item.params)
      ? { ...base, ...item, params: { ...params, ...item.params } }
      : { ...base, ...params, ...item };
  };
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const pick = (from: Fields, isWanted: (name: string) => boolean): Fields =>
  Object.fromEntries(Object.entries(from).filter(([name]) => isWanted(name)));

/** X refuses what an account has just said. */
function repeats(
  texts: Map<string, number>,
  index: number,
  { kind, account_id, params }: OrderFields,
): Warning[] {
  const text = kind.once?.(params as never) ?? null;
  if (text === null) return [];
  const key = `${account_id} ${text}`;
  const before = texts.get(key);
  if (before === undefined) {
    texts.set(key, index);
    return [];
  }
  const detail = `Item ${before} has the same text for this account: X refuses to post it twice in a day`;
  return [{ code: "duplicate_text", detail }];
}
