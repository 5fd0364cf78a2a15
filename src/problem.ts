import { hideRuns } from "#core/lib/hide";
import { reasonOf } from "#core/lib/log";
import { Problem, type FieldError } from "#core/lib/problem";

/** A body can hold more mistakes than anyone would read. */
const MAX_ERRORS = 100;

/** Where the codes are explained. */
const TYPE_BASE = "urn:twitter-api-proxy:problem:";

/** What was thrown, as a Problem. Anything that is not one is ours to mend: the client hears only that. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  return isPassing(reasonOf(thrown))
    ? new Problem("unavailable", {
        detail: "The database did not answer; try again",
        headers: { "retry-after": "2" },
      })
    : new Problem("internal");
}

/** D1 when it is overloaded, restarts or loses a connection. */
const PASSING = [
  "network connection lost",
  "client disconnected",
  "overloaded",
  "caused object to be reset",
  "reset because its code was updated",
  "transient issue",
  "exceeded timeout",
  "memory limit",
  "cpu time limit",
  "no answer within",
];

const isPassing = (reason: string): boolean => PASSING.some((words) => reason.toLowerCase().includes(words));

/** A Problem as an answer (RFC 9457). A key or token that a caller sent as a path or a field's name is not repeated. */
export function problemResponse(problem: Problem, request: Request, requestId: string): Response {
  const body = problem.toJSON();
  const { pathname } = new URL(request.url);
  return new Response(
    JSON.stringify({
      type: `${TYPE_BASE}${body.code}`,
      status: problem.status,
      instance: hideRuns(pathname, "removed"),
      request_id: requestId,
      ...body,
      ...(body.errors && { errors: body.errors.slice(0, MAX_ERRORS).map(named) }),
    }),
    {
      status: problem.status,
      headers: { "content-type": "application/problem+json", ...problem.extra.headers },
    },
  );
}

/** A field error as it may be shown and kept: what was sent as a field's name may be a key or a token. */
export const named = (error: FieldError): FieldError => ({
  ...error,
  pointer: hideRuns(error.pointer, "removed"),
});
