import { flawOf, type Schema } from "./schema.ts";

/** How X misbehaves. `before` means it did not act; `after` means it acted and the caller does not learn of it. */
export type Fault =
  | { kind: "error"; status: number; body?: unknown; headers?: Record<string, string>; when?: When }
  | { kind: "drop"; when?: When }
  | { kind: "hang"; ms: number; when?: When }
  | { kind: "latency"; ms: number }
  | { kind: "no_rate_headers" }
  | { kind: "rate_limited"; headers?: boolean }
  | { kind: "html"; status: number; when?: When }
  | { kind: "empty"; status: number; when?: When };
export type When = "before" | "after";

/** Which calls a fault meets: `path` is a regular expression searched in the path, `text` a part of the body. */
export type FaultRule = {
  match?: { method?: string; path?: string; user_id?: string; text?: string };
  times?: number;
  skip?: number;
  probability?: number;
  fault: Fault;
};

/** What a rule may look at; the user and the body are worked out only when a rule asks. */
export type Facts = { method: string; path: string; user_id: () => string | null; text: () => string };
type Kept = { rule: FaultRule; path: RegExp | null; seen: number; fired: number };

const when: Schema = { type: "string", enum: ["before", "after"] };
const ms: Schema = { type: "integer", minimum: 0 };
const status: Schema = { type: "integer", minimum: 200, maximum: 599 };
const parts: Record<Fault["kind"], { properties: Record<string, Schema>; required: string[] }> = {
  error: {
    properties: {
      status,
      body: { type: "any" },
      headers: { type: "object", properties: {}, open: true },
      when,
    },
    required: ["status"],
  },
  drop: { properties: { when }, required: [] },
  hang: { properties: { ms, when }, required: ["ms"] },
  latency: { properties: { ms }, required: ["ms"] },
  no_rate_headers: { properties: {}, required: [] },
  rate_limited: { properties: { headers: { type: "boolean" } }, required: [] },
  html: { properties: { status, when }, required: ["status"] },
  empty: { properties: { status, when }, required: ["status"] },
};
const text: Schema = { type: "string" };
const ruleSchema: Schema = {
  type: "object",
  properties: {
    match: { type: "object", properties: { method: text, path: text, user_id: text, text } },
    times: ms,
    skip: ms,
    probability: { type: "number", minimum: 0, maximum: 1 },
    fault: {
      type: "object",
      properties: { kind: { type: "string", enum: Object.keys(parts) } },
      required: ["kind"],
      open: true,
    },
  },
  required: ["fault"],
};

/** What is wrong with a list of rules, in words, or null. */
export function faultsFlaw(rules: unknown): string | null {
  const flaw = flawOf({ type: "array", items: ruleSchema }, rules);
  if (flaw) return flaw.message;
  for (const { match, fault } of rules as FaultRule[]) {
    const { properties, required } = parts[fault.kind];
    const shape: Schema = { type: "object", properties: { kind: text, ...properties }, required };
    const inner = flawOf(shape, fault);
    if (inner) return `fault ${fault.kind}: ${inner.message}`;
    try {
      new RegExp(match?.path ?? "");
    } catch {
      return `match.path is not a regular expression: ${match?.path ?? ""}`;
    }
  }
  return null;
}

/** The rules in force and how often each fired. */
export class Faults {
  #random: () => number;
  #kept: Kept[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Replace all rules; their counts begin anew. */
  set(rules: FaultRule[]): void {
    this.#kept = rules.map((rule) => {
      const path = rule.match?.path === undefined ? null : new RegExp(rule.match.path);
      return { rule, path, seen: 0, fired: 0 };
    });
  }

  /** The rules with the calls each matched (`seen`) and hit (`fired`). */
  list(): (FaultRule & { seen: number; fired: number })[] {
    return this.#kept.map(({ rule, seen, fired }) => ({ ...rule, seen, fired }));
  }

  /** The fault this call meets: the first that fires, with the latency of all latency rules that fire. */
  pick(facts: Facts): { fault: Fault | null; latency_ms: number } {
    let latency_ms = 0;
    let fault: Fault | null = null;
    for (const kept of this.#kept) {
      if (fault && kept.rule.fault.kind !== "latency") continue;
      if (!matches(kept, facts) || !this.#fires(kept)) continue;
      if (kept.rule.fault.kind === "latency") latency_ms += kept.rule.fault.ms;
      else fault = kept.rule.fault;
    }
    return { fault, latency_ms };
  }

  #fires(kept: Kept): boolean {
    const { times = Infinity, skip = 0, probability = 1 } = kept.rule;
    kept.seen += 1;
    if (kept.seen <= skip || kept.fired >= times) return false;
    if (probability < 1 && this.#random() >= probability) return false;
    kept.fired += 1;
    return true;
  }
}

function matches({ rule: { match = {} }, path }: Kept, facts: Facts): boolean {
  if (match.method !== undefined && match.method.toUpperCase() !== facts.method) return false;
  if (path && !path.test(facts.path)) return false;
  if (match.user_id !== undefined && match.user_id !== facts.user_id()) return false;
  if (match.text === undefined) return true;
  // In a JSON body quotes and line breaks of a text are escaped.
  const inJson = JSON.stringify(match.text).slice(1, -1);
  return facts.text().includes(match.text) || facts.text().includes(inJson);
}
