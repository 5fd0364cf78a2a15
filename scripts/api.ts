/** A refusal, in the words of whoever refused. */
export class Refused extends Error {
  override name = "Refused";
  readonly status: number;
  readonly body: unknown;

  constructor(request: string, status: number, body: unknown) {
    super(`${request} was answered ${status}: ${JSON.stringify(body)}`);
    this.status = status;
    this.body = body;
  }
}

export type Ask = { method?: string; key?: string; body?: unknown; headers?: Record<string, string> };

/** One request, and its answer's JSON, whose shape the caller vouches for. Rejects with `Refused` when it is no 2xx. */
export async function ask<Answer = unknown>(
  url: string,
  { method, key, body, headers }: Ask = {},
): Promise<Answer> {
  const given = body !== undefined;
  const verb = method ?? (given ? "POST" : "GET");
  const response = await fetch(url, {
    method: verb,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(given && { "content-type": "application/json" }),
      ...headers,
    },
    ...(given && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer = parsed(text);
  if (!response.ok) throw new Refused(`${verb} ${url}`, response.status, answer);
  return answer as Answer;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text.slice(0, 500);
  }
}
