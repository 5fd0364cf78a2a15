import { fail, type GateReason, lost, type Outcome, retry, wait } from "#core/lib/outcome";
import { Problem, type ProblemCode } from "#core/lib/problem";
import type { Answer, Received, Unreachable } from "./answer.ts";
import { type Endpoint, windowOf } from "./endpoints.ts";
import { readWords, upstreamOf, type Words } from "./words.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

type Row = {
  /** One status, or the first and the last. */
  status: number | readonly [first: number, last: number];
  repeatable?: true;
  /** Of an endpoint of this part of X. */
  part?: Endpoint["part"];
  /** Any one of these three decides; a row without them is decided by its status. */
  kinds?: readonly string[];
  codes?: readonly number[];
  detail?: RegExp;
  then: Verdict;
};

type Verdict =
  | { is: "fail" | "unclear" | "rate"; problem: ProblemCode }
  | { is: "wait"; gate: "account" | "app"; reason: GateReason; for_ms: number | null; problem: ProblemCode };

const failed = (problem: ProblemCode): Verdict => ({ is: "fail", problem });
const unclear = (problem: ProblemCode): Verdict => ({ is: "unclear", problem });
const waits = (
  gate: "account" | "app",
  reason: GateReason,
  for_ms: number | null,
  problem: ProblemCode,
): Verdict => ({ is: "wait", gate, reason, for_ms, problem });

const rate: Verdict = { is: "rate", problem: "x_rate_limited" };
const tokenRejected = waits("account", "token_rejected", null, "x_unauthorized");
const appForbidden = waits("app", "app_forbidden", null, "x_app_forbidden");

/** Everything X can say that is not success, matched top to bottom. The last row takes what is left. */
const rows: readonly Row[] = [
  // A 2xx without what was asked for. `errors[]` may say that there is nothing, but a new tweet may exist for all that.
  { status: [200, 299], repeatable: true, kinds: ["resource-not-found"], then: failed("x_not_found") },
  { status: [0, 399], then: unclear("x_unexpected") },

  // X, or the edge before it, gave up: it may have acted.
  { status: [500, 599], then: unclear("x_unavailable") },
  { status: 408, then: unclear("x_unavailable") },
  { status: 425, then: unclear("x_unavailable") },

  { status: 402, then: waits("app", "credits_depleted", 5 * MINUTE_MS, "x_payment_required") },
  {
    status: [400, 499],
    kinds: ["usage-capped"],
    detail: /^usage cap exceeded/i,
    then: waits("app", "usage_capped", null, "x_usage_capped"),
  },
  { status: 429, then: rate },
  { status: [400, 499], kinds: ["rate-limit-exceeded"], codes: [88], then: rate },

  { status: [400, 499], codes: [416, 261], then: appForbidden },
  { status: [400, 499], codes: [89], then: tokenRejected },
  { status: 401, then: tokenRejected },

  {
    status: 403,
    kinds: ["oauth1-permissions", "client-forbidden", "unsupported-authentication"],
    detail: /app permissions|cannot perform write actions|is forbidden for this endpoint/i,
    then: appForbidden,
  },
  {
    status: 403,
    codes: [326, 64, 63, 226],
    detail: /temporarily locked|account is suspended|user has been suspended|might be automated/i,
    then: waits("account", "locked", HOUR_MS, "x_account_locked"),
  },
  {
    status: 403,
    codes: [185],
    detail: /over daily (status|post) update limit/i,
    then: waits("account", "daily_limit", HOUR_MS, "x_account_limit"),
  },
  { status: 403, codes: [187], detail: /duplicate content|is a duplicate/i, then: failed("x_duplicate") },
  { status: 403, then: failed("x_forbidden") },

  { status: 400, then: failed("x_invalid_request") },
  // Its upload routes were gone for hours more than once.
  { status: 404, part: "media", then: unclear("x_not_found") },
  { status: 404, then: failed("x_not_found") },
  // Content too large, URI too long, unsupported media type, unprocessable, header fields too large.
  ...[413, 414, 415, 422, 431].map((status) => ({ status, then: failed("x_invalid_request") })),
  { status: [400, 499], then: failed("x_unexpected") },
  { status: [0, 999], then: unclear("x_unexpected") },
];

/**
 * What an answer that is not a usable 2xx means for the job. `now` in epoch ms.
 * What X may have acted on is `lost` where `endpoint` is not repeatable, else `retry`.
 */
export function classify(answer: Answer, endpoint: Endpoint, now: number): Outcome {
  if ("unreachable" in answer) return withoutAnswer(answer, endpoint);
  const { then } = find(answer, endpoint, readWords(answer));
  const problem = new Problem(then.problem, { ...about(then, answer), upstream: upstreamOf(answer) });
  switch (then.is) {
    case "fail":
      return fail(problem);
    case "wait":
      return wait({ scope: then.gate }, then.reason, then.for_ms && now + then.for_ms, problem);
    case "rate":
      return rateLimited(answer, endpoint, now, problem);
    case "unclear":
      return endpoint.repeatable ? retry(problem, answer.rate.retry_after_s) : lost(problem);
  }
}

function withoutAnswer({ unreachable }: Unreachable, { repeatable }: Endpoint): Outcome {
  const detail = {
    timeout: "X did not answer in time.",
    network: "The connection to X failed.",
    unsent: "No time was left to ask X; nothing was sent.",
  }[unreachable];
  const problem = new Problem("x_unreachable", { detail });
  return repeatable || unreachable === "unsent" ? retry(problem) : lost(problem);
}

function find(answer: Received, endpoint: Endpoint, words: Words): Row {
  const row = rows.find((row) => {
    const [first, last] = typeof row.status === "number" ? [row.status, row.status] : row.status;
    if (answer.status < first || answer.status > last) return false;
    if (row.repeatable && !endpoint.repeatable) return false;
    if (row.part && row.part !== endpoint.part) return false;
    if (!row.kinds && !row.codes && !row.detail) return true;
    return [
      row.kinds?.some((kind) => kind === words.kind),
      row.codes?.some((code) => words.codes.includes(code)),
      row.detail?.test(words.detail ?? ""),
    ].includes(true);
  });
  if (!row) throw new Error(`no row for status ${answer.status}`);
  return row;
}

const about = ({ problem }: Verdict, { status }: Received) =>
  problem === "x_unexpected" ? { detail: `X answered ${status} without what was asked for.` } : {};

/** Known not to have been done. The families that are used up say until when; without any, the gate backs off. */
function rateLimited({ rate }: Received, endpoint: Endpoint, now: number, problem: Problem): Outcome {
  const { window, app_day, user_day, retry_after_s } = rate;
  if (app_day?.remaining === 0) {
    return wait({ scope: "app" }, "rate_limited", after(now, app_day.resets_at), problem);
  }
  const used = [window, user_day].filter((family) => family?.remaining === 0);
  const resets = (used.length > 0 ? used : [window]).map((family) => family?.resets_at ?? 0);
  const asked = retry_after_s === null ? 0 : now + retry_after_s * 1000;
  const until = after(now, Math.max(...resets) || asked);
  return wait({ scope: "window", endpoint: windowOf(endpoint) }, "rate_limited", until, problem);
}

/** A reset that has passed would open the gate at once, and the next call would meet the same 429. */
const after = (now: number, until: number) => (until > now ? until : null);
