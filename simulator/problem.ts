import type { Answer } from "./exchange.ts";
import type { Settings } from "./settings.ts";

const base = { new: "https://api.x.com/2/problems", old: "https://api.twitter.com/2/problems" };
const titles: Record<number, string> = {
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  408: "Request Timeout",
  409: "Conflict",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** A body as application/problem+json. */
export function problemJson(status: number, body: unknown): Answer {
  return { status, headers: { "content-type": "application/problem+json" }, body: JSON.stringify(body) };
}

/** X's generic problem, `type` about:blank; the detail repeats the title unless given. */
export function problem(status: number, detail?: string): Answer {
  const title = titles[status] ?? "Error";
  return problemJson(status, { detail: detail ?? title, status, title, type: "about:blank" });
}

/** 402 as seen from July 2026 on: the app's prepaid credits are used up. */
export function creditsDepleted(): Answer {
  const type = `${base.new}/credits-depleted`;
  return problemJson(402, { detail: "credits depleted", status: 402, title: "Payment Required", type });
}

/** What X answers by default with this status, for a fault that names no body. */
export function usual(status: number): Answer {
  return status === 402 ? creditsDepleted() : problem(status);
}

/** 400 invalid-request, in the form of the 2.167 specification or, by setting, with `errors[]` as before. */
export function invalid(settings: Settings, message: string, parameter?: string, value?: unknown): Answer {
  const shown = value === undefined ? undefined : typeof value === "string" ? value : JSON.stringify(value);
  if (settings.error_dialect === "new") {
    const type = `${base.new}/invalid-request`;
    return problemJson(400, {
      detail: message,
      parameter,
      status: 400,
      title: "Invalid Request",
      type,
      value: shown,
    });
  }
  const values = (Array.isArray(value) ? value : [value]).map((one) =>
    typeof one === "string" ? one : shown,
  );
  const parameters = parameter === undefined ? {} : { [parameter]: values };
  return problemJson(400, {
    errors: [{ parameters, message }],
    title: "Invalid Request",
    detail: "One or more parameters to your request was invalid.",
    type: `${base.old}/invalid-request`,
  });
}

/** One entry of `errors` for a resource that is not there; it comes with HTTP 200. */
export function notFound(settings: Settings, kind: "tweet" | "user", parameter: string, id: string) {
  return {
    value: id,
    detail: `Could not find ${kind} with id: [${id}].`,
    title: "Not Found Error",
    resource_type: kind,
    parameter,
    resource_id: id,
    type: `${base[settings.error_dialect]}/resource-not-found`,
  };
}
