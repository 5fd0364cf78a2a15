import { describe, expect, test } from "vitest";
import type { Outcome } from "#core/lib/outcome";
import type { Answer } from "#core/x/answer";
import { classify } from "#core/x/classify";
import { endpoints } from "#core/x/endpoints";
import { readRate } from "#core/x/headers";

const NOW = Date.UTC(2026, 10, 23, 12);
const NOW_S = NOW / 1000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

type Body = Record<string, unknown> | string;

const answer = (status: number, body: Body, headers: Record<string, string> = {}): Answer => ({
  status,
  text: typeof body === "string" ? body : JSON.stringify(body),
  json: typeof body === "string" ? undefined : body,
  rate: readRate(new Headers(headers), NOW),
  request_id: headers["x-transaction-id"] ?? null,
  secrets: [],
});

/** The parts of an outcome that decide, in one line. */
function brief(outcome: Outcome): string {
  if (!("problem" in outcome)) return outcome.type;
  const code = outcome.problem?.code ?? "no problem";
  if (outcome.type === "retry") return `retry ${code} ${outcome.after_s ?? "-"}`;
  if (outcome.type !== "wait") return `${outcome.type} ${code}`;
  const { gate, reason, until } = outcome;
  const where = gate.scope === "window" ? gate.endpoint : gate.scope;
  return `wait ${where}: ${reason} ${until === null ? "-" : until - NOW} ${code}`;
}

const once = (said: Answer) => brief(classify(said, endpoints.createTweet, NOW));
const repeatable = (said: Answer) => brief(classify(said, endpoints.deleteTweet, NOW));

const problem = (kind: string, fields: Body = {}) => ({
  title: "X",
  detail: "X says no.",
  type: kind === "about:blank" ? kind : `https://api.x.com/2/problems/${kind}`,
  ...(typeof fields === "object" && fields),
});
const forbidden = (detail: string) => ({ detail, type: "about:blank", title: "Forbidden", status: 403 });
const legacy = (code: number, message = "No.") => ({ errors: [{ code, message }] });

const MEDIA_INVALID = {
  errors: [{ parameters: { "media.media_ids": ["1"] }, message: "Your media IDs are invalid." }],
  title: "Invalid Request",
  detail: "One or more parameters to your request was invalid.",
  type: "https://api.twitter.com/2/problems/invalid-request",
};
const APP_ONLY =
  "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint.  " +
  "Supported authentication types are [OAuth 1.0a User Context, OAuth 2.0 User Context].";
const READ_ONLY =
  "Your client app is not configured with the appropriate oauth1 app permissions for this endpoint.";
const NOT_ENGAGED =
  "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by " +
  "the author of the post you are replying to.";
const LOCKED =
  "To protect our users from spam and other malicious activity, this account is temporarily locked.";
const SUSPENDED = "Your account is suspended and is not permitted to access this feature.";
const CREDITS_OLD = {
  account_id: 123,
  title: "CreditsDepleted",
  detail: "Your enrolled account [123] does not have any credits to fulfill this request.",
  type: "https://api.twitter.com/2/problems/credits",
};
const USAGE_CAPPED = {
  title: "UsageCapExceeded",
  detail: "Usage cap exceeded: Monthly product cap",
  type: "https://api.twitter.com/2/problems/usage-capped",
  period: "Monthly",
  scope: "Product",
};
const NOT_ENROLLED = {
  client_id: "101010101",
  required_enrollment: "Appropriate Level of API Access",
  registration_url: "https://developer.twitter.com/en/docs/projects/overview",
  title: "Client Forbidden",
  detail: "When authenticating, use keys of an App attached to a Project.",
  reason: "client-not-enrolled",
  type: "https://api.twitter.com/2/problems/client-forbidden",
};

const NO_CREDITS = `wait app: credits_depleted ${5 * MINUTE} x_payment_required`;
const NO_TOKEN = "wait account: token_rejected - x_unauthorized";
const NO_APP = "wait app: app_forbidden - x_app_forbidden";
const NO_ACCOUNT = `wait account: locked ${HOUR} x_account_locked`;
const NO_DAY = `wait account: daily_limit ${HOUR} x_account_limit`;

describe("a definite no is the same for every endpoint", () => {
  test.each<[string, number, Body, string]>([
    ["invalid media, old gateway", 400, MEDIA_INVALID, "fail x_invalid_request"],
    ["an invalid parameter, new gateway", 400, problem("invalid-request"), "fail x_invalid_request"],
    ["media codes of old", 400, legacy(324), "fail x_invalid_request"],
    ["400 in HTML", 400, "<html>Bad Request</html>", "fail x_invalid_request"],
    ["400 without a body", 400, "", "fail x_invalid_request"],

    ["a token X does not accept", 401, problem("about:blank", { detail: "Unauthorized" }), NO_TOKEN],
    ["401 with an empty body", 401, "", NO_TOKEN],
    ["401 with legacy 32", 401, legacy(32, "Could not authenticate you."), NO_TOKEN],
    ["401 with legacy 89", 401, legacy(89, "Invalid or expired token."), NO_TOKEN],
    ["403 with legacy 89", 403, legacy(89, "Invalid or expired token."), NO_TOKEN],
    ["a suspended app", 401, legacy(416, "Invalid / suspended App."), NO_APP],

    ["no credits, today's body", 402, problem("credits-depleted"), NO_CREDITS],
    ["no credits, the older body", 402, CREDITS_OLD, NO_CREDITS],
    ["no credits, no body", 402, "", NO_CREDITS],

    ["an app that may only read", 403, problem("oauth1-permissions"), NO_APP],
    ["an app that may only read, by its words", 403, forbidden(READ_ONLY), NO_APP],
    ["an app that is not enrolled", 403, NOT_ENROLLED, NO_APP],
    ["a client X forbids", 403, problem("client-forbidden", { reason: "official-client-forbidden" }), NO_APP],
    ["the wrong kind of token", 403, problem("unsupported-authentication", { detail: APP_ONLY }), NO_APP],
    ["the wrong kind of token, by its words", 403, forbidden(APP_ONLY), NO_APP],
    ["an app that may not write", 403, legacy(261, "Your App cannot perform write actions."), NO_APP],

    ["a locked account", 403, legacy(326, LOCKED), NO_ACCOUNT],
    ["a locked account, by its words", 403, forbidden(LOCKED), NO_ACCOUNT],
    ["a suspended account", 403, legacy(64, SUSPENDED), NO_ACCOUNT],
    ["a suspended account, by its words", 403, forbidden(SUSPENDED), NO_ACCOUNT],
    ["a suspended user", 403, legacy(63, "User has been suspended."), NO_ACCOUNT],
    ["a suspicion of automation", 403, legacy(226), NO_ACCOUNT],
    ["the daily limit", 403, legacy(185), NO_DAY],
    ["the daily limit, by its words", 403, forbidden("User is over daily status update limit."), NO_DAY],

    [
      "a duplicate",
      403,
      forbidden("You are not allowed to create a Tweet with duplicate content."),
      "fail x_duplicate",
    ],
    ["a duplicate of old", 403, legacy(187, "Status is a duplicate."), "fail x_duplicate"],
    ["no permission", 403, forbidden("You are not permitted to perform this action."), "fail x_forbidden"],
    ["a reply to a stranger", 403, forbidden(NOT_ENGAGED), "fail x_forbidden"],
    [
      "a reply to a deleted tweet",
      403,
      forbidden("You attempted to reply to a Tweet that is deleted or not visible to you."),
      "fail x_forbidden",
    ],
    [
      "a video that is too long",
      403,
      forbidden("This user is not allowed to post a video longer than 20 minutes."),
      "fail x_forbidden",
    ],
    ["missing media.write", 403, forbidden("Forbidden"), "fail x_forbidden"],
    ["an overlong text of old", 403, legacy(186), "fail x_forbidden"],
    ["an unknown problem type", 403, problem("brand-new"), "fail x_forbidden"],
    ["403 in HTML", 403, "<html>", "fail x_forbidden"],
    ["403 without a body", 403, "", "fail x_forbidden"],

    ["a missing tweet", 404, problem("resource-not-found"), "fail x_not_found"],
    ["a missing tweet of old", 404, legacy(144), "fail x_not_found"],
    ["a missing route", 404, "", "fail x_not_found"],
    ["a wrong method", 405, "", "fail x_unexpected"],
    ["a body that is too large", 413, "<html>", "fail x_invalid_request"],
    ["a wrong media type", 415, "", "fail x_invalid_request"],
    ["an unprocessable body", 422, problem("invalid-request"), "fail x_invalid_request"],
    ["headers that are too large", 431, "", "fail x_invalid_request"],
    ["a teapot", 418, "", "fail x_unexpected"],
  ])("%s", (_, status, body, expected) => {
    expect(once(answer(status, body))).toBe(expected);
    expect(repeatable(answer(status, body))).toBe(expected);
  });
});

describe("what X may have acted on is looked for, or repeated where that does no harm", () => {
  test.each<[string, Answer, string]>([
    ["no answer in time", { unreachable: "timeout" }, "x_unreachable"],
    ["a broken connection", { unreachable: "network" }, "x_unreachable"],
    ["500", answer(500, problem("internal-error")), "x_unavailable"],
    ["500 with legacy 131", answer(500, legacy(131)), "x_unavailable"],
    ["502 in HTML", answer(502, "<html>Bad gateway</html>"), "x_unavailable"],
    ["503", answer(503, problem("about:blank", { detail: "Service Unavailable" })), "x_unavailable"],
    ["503 with legacy 130", answer(503, legacy(130, "Over capacity.")), "x_unavailable"],
    ["504 without a body", answer(504, ""), "x_unavailable"],
    ["a 5xx that calls itself a duplicate", answer(503, legacy(187)), "x_unavailable"],
    ["X's own timeout", answer(408, ""), "x_unavailable"],
    ["too early", answer(425, ""), "x_unavailable"],
    ["a 201 without an id", answer(201, { data: {} }), "x_unexpected"],
    ["a 201 in HTML", answer(201, "<html>"), "x_unexpected"],
    ["a 200 without a body", answer(200, ""), "x_unexpected"],
    ["a 200 with other errors", answer(200, { errors: [problem("internal-error")] }), "x_unexpected"],
    ["a redirect", answer(302, ""), "x_unexpected"],
    ["a status beyond all classes", answer(600, ""), "x_unexpected"],
  ])("%s", (_, said, code) => {
    expect(once(said)).toBe(`lost ${code}`);
    expect(repeatable(said)).toBe(`retry ${code} -`);
  });

  test("a Retry-After on a 503 is the wait before the repetition", () => {
    expect(repeatable(answer(503, "", { "retry-after": "30" }))).toBe("retry x_unavailable 30");
    expect(once(answer(503, "", { "retry-after": "30" }))).toBe("lost x_unavailable");
  });

  test("what never left may always be sent again", () => {
    expect(once({ unreachable: "unsent" })).toBe("retry x_unreachable -");
    expect(repeatable({ unreachable: "unsent" })).toBe("retry x_unreachable -");
  });

  test("a read whose 200 says that there is nothing has found nothing; a write is still unclear", () => {
    const errors = [problem("resource-not-found", { detail: "Could not find tweet." })];
    expect(repeatable(answer(200, { errors }))).toBe("fail x_not_found");
    expect(once(answer(200, { errors }))).toBe("lost x_unexpected");
  });
});

const rates = (prefix: string, remaining: number, reset_s: number) => ({
  [`${prefix}-limit`]: "100",
  [`${prefix}-remaining`]: String(remaining),
  [`${prefix}-reset`]: String(NOW_S + reset_s),
});
const window = (remaining: number, reset_s: number) => rates("x-rate-limit", remaining, reset_s);
const appDay = (remaining: number, reset_s: number) => rates("x-app-limit-24hour", remaining, reset_s);
const userDay = (remaining: number, reset_s: number) => rates("x-user-limit-24hour", remaining, reset_s);
const date = (offset_ms: number) => ({ date: new Date(NOW + offset_ms).toUTCString() });

const TOO_MANY = {
  title: "Too Many Requests",
  detail: "Too Many Requests",
  type: "about:blank",
  status: 429,
};
const inWindow = (until: number | "-") => `wait POST /2/tweets: rate_limited ${until} x_rate_limited`;
const inApp = (until: number | "-") => `wait app: rate_limited ${until} x_rate_limited`;

describe("a 429 waits for the latest reset among the families that are used up", () => {
  test.each<[string, Record<string, string>, string]>([
    ["the window", window(0, 300), inWindow(300_000)],
    ["the window on X's clock, and a second", { ...date(0), ...window(0, 300) }, inWindow(301_000)],
    ["a skewed clock", { ...date(600_000), ...window(0, 900) }, inWindow(301_000)],
    ["the account's day", { ...window(5, 300), ...userDay(0, 7200) }, inWindow(7_200_000)],
    ["the later of two", { ...window(0, 900), ...userDay(0, 60) }, inWindow(900_000)],
    ["the app's day", appDay(0, 3600), inApp(3_600_000)],
    ["the app's day, whatever the window", { ...window(0, 7200), ...appDay(0, 3600) }, inApp(3_600_000)],
    ["none is used up: the window's", { ...window(3, 300), ...userDay(9, 7200) }, inWindow(300_000)],
    ["headers before Retry-After", { ...window(0, 300), "retry-after": "5" }, inWindow(300_000)],
    ["Retry-After alone", { "retry-after": "5" }, inWindow(5000)],
    ["no headers: the gate backs off", {}, inWindow("-")],
    ["garbage", { "x-rate-limit-remaining": "0", "x-rate-limit-reset": "soon" }, inWindow("-")],
    ["a reset that has passed and no Date", window(0, -60), inWindow("-")],
    ["an app reset that has passed and no Date", appDay(0, -60), inApp("-")],
  ])("%s", (_, headers, expected) => {
    expect(once(answer(429, TOO_MANY, headers))).toBe(expected);
  });

  test.each<[string, number, Body]>([
    ["the body seen most", 429, TOO_MANY],
    ["legacy 88", 429, legacy(88, "Rate limit exceeded")],
    ["rate-limit-exceeded", 429, problem("rate-limit-exceeded")],
    ["legacy 88 under another status", 403, legacy(88, "Rate limit exceeded")],
    ["HTML", 429, "<html>"],
    ["nothing", 429, ""],
  ])("in %s", (_, status, body) => {
    expect(once(answer(status, body, window(0, 300)))).toBe(inWindow(300_000));
  });

  test("the window is named after its endpoint", () => {
    expect(repeatable(answer(429, TOO_MANY))).toMatch(/^wait DELETE \/2\/tweets\/:id: rate_limited/);
  });

  test("a usage cap closes the app until it has been looked at again", () => {
    const expected = "wait app: usage_capped - x_usage_capped";
    expect(once(answer(429, USAGE_CAPPED, window(0, 300)))).toBe(expected);
    expect(once(answer(429, { detail: USAGE_CAPPED.detail }))).toBe(expected);
  });
});

describe("X's words go with the problem", () => {
  const said = (outcome: Outcome) => ("problem" in outcome ? outcome.problem?.toJSON() : undefined);

  test("status, type, detail and X's id of the answer", () => {
    const outcome = classify(
      answer(400, MEDIA_INVALID, { "x-transaction-id": "t1" }),
      endpoints.createTweet,
      NOW,
    );
    expect(said(outcome)).toMatchObject({
      code: "x_invalid_request",
      source: "x",
      upstream: {
        status: 400,
        type: "https://api.twitter.com/2/problems/invalid-request",
        detail: "One or more parameters to your request was invalid. Your media IDs are invalid.",
        request_id: "t1",
      },
    });
  });

  test.each<[string, Answer]>([
    ["a wait", answer(429, TOO_MANY)],
    ["a no", answer(403, forbidden("No."))],
    ["a loss", answer(503, "down")],
  ])("with %s", (_, given) => {
    expect(said(classify(given, endpoints.createTweet, NOW))?.upstream).toHaveProperty("detail");
  });

  test("without an answer there are none", () => {
    expect(said(classify({ unreachable: "timeout" }, endpoints.me, NOW))).toEqual({
      code: "x_unreachable",
      title: "X did not answer",
      detail: "X did not answer in time.",
    });
  });
});
