import { Dropped, empty, html, json, type Answer } from "./exchange.ts";
import type { Fault } from "./faults.ts";
import { problem, problemJson, usual } from "./problem.ts";
import type { Window } from "./settings.ts";

/** What a fault needs of its surroundings; `window` is the route's user window. */
export type Surroundings = { now_ms: number; window: Window; sleep: (ms: number) => Promise<void> };

/** Answer as the fault says; `act` is what X would have done, and is called for "after" only. */
export async function misbehave(
  fault: Fault,
  act: () => Promise<Answer>,
  around: Surroundings,
): Promise<Answer> {
  if (fault.kind === "latency") return act();
  if (fault.kind === "no_rate_headers") return withoutRates(await act());
  if (fault.kind === "rate_limited") return rateLimited(fault.headers ?? true, around);
  if (fault.kind === "hang") {
    const answer = fault.when === "after" ? await act() : problem(504);
    await around.sleep(fault.ms);
    return answer;
  }
  if (fault.when === "after") await act();
  if (fault.kind === "drop") throw new Dropped();
  if (fault.kind === "html") {
    return html(
      fault.status,
      "<!doctype html><html><title>X / Error</title><h1>Something went wrong</h1></html>",
    );
  }
  return fault.kind === "empty" ? empty(fault.status) : errorAnswer(fault);
}

function errorAnswer({ status, body, headers = {} }: Fault & { kind: "error" }): Answer {
  const answer = body === undefined ? usual(status) : given(status, body);
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    ...answer,
    headers: { ...answer.headers, ...(Object.fromEntries(lower) as Record<string, string>) },
  };
}

// Only bodies with a problem's `type` are problems: OAuth's errors and the legacy ones are plain JSON.
function given(status: number, body: unknown): Answer {
  if (typeof body === "string") {
    return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body };
  }
  const isProblem = typeof body === "object" && body !== null && "type" in body;
  return isProblem ? problemJson(status, body) : json(body, status);
}

function rateLimited(headers: boolean, { now_ms, window: [count, seconds] }: Surroundings): Answer {
  const answer = problem(429);
  if (!headers) return answer;
  const rates = {
    "x-rate-limit-limit": String(count),
    "x-rate-limit-remaining": "0",
    "x-rate-limit-reset": String(Math.ceil(now_ms / 1000 + seconds)),
  };
  return { ...answer, headers: { ...answer.headers, ...rates } };
}

function withoutRates(answer: Answer): Answer {
  const kept = Object.entries(answer.headers).filter(([name]) => !/^x-(rate|app|user)-limit/.test(name));
  return { ...answer, headers: Object.fromEntries(kept) };
}
