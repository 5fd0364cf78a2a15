import { createTokens } from "#core/accounts/tokens";
import { isTried } from "#core/jobs/closing";
import { isFresh } from "#core/jobs/renew";
import { classOf, keyOf } from "#core/jobs/tally";
import { hide } from "#core/lib/hide";
import type { GateRef, Outcome } from "#core/lib/outcome";
import { Problem } from "#core/lib/problem";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import * as gatesOfReads from "#core/store/gates-of-reads";
import { first } from "#core/store/sql";
import type { Answer, Received } from "#core/x/answer";
import { classify } from "#core/x/classify";
import { createXClient } from "#core/x/client";
import type { Endpoint } from "#core/x/endpoints";
import type { RateWindow } from "#core/x/headers";
import type { App } from "./app.ts";
import { awaitRefresh } from "./await-refresh.ts";
import { ringOf } from "./connect.ts";
import { flushTally } from "./flush-tally.ts";
import { payFor } from "./read-cost.ts";
import { fullName, passGates, retryAfter } from "./read-gates.ts";

/** A read of X for an account: as X names its parameters. */
export type Read = {
  db: D1Database;
  account: AccountRow;
  endpoint: Endpoint;
  params: Record<string, string>;
  query: Record<string, string | number | undefined>;
  request_id: string;
};

const CALL_MS = 10_000;

/** Opened access tokens, for as long as the isolate lives. */
const memory = new Map<string, string>();

/**
 * Ask X at once, while a caller waits. Keeps to the same gates as jobs do and closes them for jobs too; one refresh on a
 * token that X refuses. Throws X's no in X's words, and what a closed gate means.
 */
export async function readThrough(app: App, read: Read): Promise<Received> {
  refuseUnconnected(read.account);
  const passage = await passGates(app, read.db, read.account, read.endpoint, read.request_id);
  let account = read.account;
  if ((account.token_expires_at ?? Infinity) <= app.clock.now())
    account = await awaitRefresh(app, read.db, account);
  const payment = await payFor(app, { ...read, account });
  const answer = await askWell(app, read, account).catch((error: unknown) => {
    // X carried nothing out.
    app.later(payment.settle({ unreachable: "unsent" }, false));
    throw error;
  });
  if (!("unreachable" in answer)) await passage.hear(answer.status < 500);
  else if (answer.unreachable !== "unsent") await passage.hear(false);
  app.later(payment.settle(answer, isGood(answer)));
  await closeGates(app, read, answer);
  app.later(flushTally(app));
  if (isGood(answer)) {
    await passage.served();
    return answer;
  }
  throw problemOf(classify(answer, read.endpoint, app.clock.now()), app.clock.now());
}

/** Once more, with a newer token, if X refused this one. */
async function askWell(app: App, read: Read, account: AccountRow): Promise<Answer> {
  const answer = await askAs(app, read, account);
  if (!("status" in answer) || !isOfToken(answer, read.endpoint, app.clock.now())) return answer;
  const newer = await newerThan(app, read.db, account);
  return newer ? askAs(app, read, newer) : answer;
}

function refuseUnconnected({ state }: AccountRow): void {
  if (state === "connected") return;
  throw new Problem(state === "disconnected" ? "account_disconnected" : "reconnect_required");
}

async function askAs(app: App, read: Read, account: AccountRow): Promise<Answer> {
  const ring = await ringOf(app);
  const tokens = createTokens({ databases: app.databases, kv: app.env.TOKENS, ring, memory });
  const accessToken = await tokens.access(account.id, account.token_version, account.token);
  if (accessToken === null) throw new Problem("reconnect_required");
  const x = createXClient({
    fetch: app.network,
    baseUrl: app.env.X_API_URL,
    accessToken,
    now: () => app.clock.now(),
    timeout_ms: CALL_MS,
    onAnswer: ({ name }, status) => {
      app.tally.add(keyOf("calls", name, classOf(status)));
    },
  });
  return x.ask(read.endpoint, read);
}

function isOfToken(answer: Answer, endpoint: Endpoint, now: number): boolean {
  const outcome = classify(answer, endpoint, now);
  return outcome.type === "wait" && outcome.reason === "token_rejected";
}

/** The account with a newer token than the one X refused; null when that one came of a refresh just now: it is X's trouble. */
async function newerThan(app: App, db: D1Database, refused: AccountRow): Promise<AccountRow | null> {
  const row = await first<AccountRow>(accounts.find(db, refused.id));
  if (row === null) throw new Problem("not_found");
  refuseUnconnected(row);
  if (row.token_version !== refused.token_version) return row;
  return isFresh(row, app.clock.now()) ? null : awaitRefresh(app, db, row);
}

/** What the answer says of windows, the app and the account holds for jobs and reads alike. */
async function closeGates(app: App, { db, account, endpoint }: Read, answer: Answer): Promise<void> {
  const now = app.clock.now();
  const shut = (gate: GateRef, reason: string, until: number | null, window: RateWindow | null) =>
    gatesOfReads.shut(db, app.clock.stored(), {
      name: fullName(account, gate),
      reason,
      opens_in_ms: until === null ? null : Math.max(0, until - now),
      limit: window?.limit ?? null,
      remaining: window?.remaining ?? null,
      tried: isTried(gate, reason),
    });
  const statements = [];
  const outcome = isGood(answer) ? null : classify(answer, endpoint, now);
  if (outcome?.type === "wait") statements.push(shut(outcome.gate, outcome.reason, outcome.until, null));
  const window = "rate" in answer ? answer.rate.window : null;
  if (window?.remaining === 0 && window.resets_at > now)
    statements.push(
      shut({ scope: "window", endpoint: endpoint.name }, "rate_limited", window.resets_at, window),
    );
  if (statements.length > 0) await db.batch(statements);
}

/** A whole 2xx, without the token that was sent for it: what is passed on unchanged must not hold that. */
const isGood = (answer: Answer): answer is Received =>
  "status" in answer &&
  answer.status >= 200 &&
  answer.status < 300 &&
  answer.json !== undefined &&
  hide(answer.text, answer.secrets) === answer.text;

const COME_BACK_MS = 5_000;

/** An outcome that is no answer, as its caller hears it. */
function problemOf(outcome: Outcome, now: number): Problem {
  if (!("problem" in outcome) || outcome.problem === null) return new Problem("x_unexpected");
  const { problem } = outcome;
  const waits_ms =
    outcome.type === "wait"
      ? (outcome.until ?? now + COME_BACK_MS) - now
      : outcome.type === "retry"
        ? (outcome.after_s ?? 0) * 1000 || COME_BACK_MS
        : null;
  if (waits_ms === null) return problem;
  return new Problem(problem.code, { ...problem.extra, headers: { "retry-after": retryAfter(waits_ms) } });
}
