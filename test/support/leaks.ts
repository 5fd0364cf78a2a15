import { env as bound } from "cloudflare:workers";
import { onTestFinished, vi } from "vitest";
import { base64url, text } from "#core/lib/bytes";
import { randomText } from "#core/lib/ids";
import type { ProblemCode } from "#core/lib/problem";
import type { Fetch } from "#core/x/client";
import { rowsOf, valuesOf, type Marks } from "./marks.ts";
import { sentBy, type Failure } from "./x-failures.ts";

/** What only the end of a job says; everything else the door says, too. */
export const SAID_BY_JOBS = [
  "expired",
  "poison",
  "endpoint_gone",
  "delivery_failed",
  "unreadable",
  "attempts_exhausted",
  "tweet_not_found",
  "media_gone",
  "media_failed",
  "source_refused",
  "source_unreachable",
  "x_media_failed",
  "x_payment_required",
  "x_forbidden",
  "x_duplicate",
  "x_account_locked",
  "x_account_limit",
  "x_app_forbidden",
  "x_not_found",
  "x_rate_limited",
  "x_usage_capped",
  "x_unreachable",
] as const satisfies ProblemCode[];

/** What is heard of us, and where. */
export type Heard = { where: string; text: string };

/** A secret as somebody may choose it: short runs between punctuation, which nothing but its own text gives away. */
export const awkwardSecret = (): string =>
  ["Q&", "/", ".", "~", "!"].map((mark) => randomText(14) + mark).join("");

/** A ring of one random key. */
export const randomRing = (id: string): string =>
  `${id}:${base64url(crypto.getRandomValues(new Uint8Array(32)))}`;

export const keysIn = (ring: string): string[] => ring.split(",").map((entry) => entry.split(":")[1] ?? "");

/** Listen to the console and to what is hashed: the secrets of keys, states and verifiers, at the moment they are made. */
export function listen(marks: Marks): Heard[] {
  const heard: Heard[] = [];
  for (const method of ["log", "info", "warn", "error", "debug"] as const)
    vi.spyOn(console, method).mockImplementation((...said: unknown[]) => {
      heard.push({ where: `console.${method}`, text: said.map(String).join(" ") });
    });
  const digest = crypto.subtle.digest.bind(crypto.subtle);
  const digests = new Set<string>();
  vi.spyOn(crypto.subtle, "digest").mockImplementation(async (algorithm, data) => {
    const hash = await digest(algorithm, data);
    const encoded = base64url(new Uint8Array(hash));
    digests.add(encoded);
    const given = text(new Uint8Array(data as ArrayBuffer));
    const name = HASHED.get(given.length);
    if (name === undefined || !/^[\w-]+$/.test(given) || digests.has(given)) return hash;
    marks.know(name, given);
    // A verifier's hash is its challenge, which X is shown.
    if (name !== "a verifier") marks.know(`the hash of ${name}`, encoded, "said");
    return hash;
  });
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  return heard;
}

/** What we hash, by its length. */
const HASHED = new Map([
  [40, "the secret of a key"],
  [41, "a state"],
  [43, "a verifier"],
]);

/** X, listened to: what is sent to it and the tokens it gives are secrets; `failing` answers in its place where it matches. */
export function listeningTo(
  x: (request: Request) => Promise<Response>,
  marks: Marks,
  failing: () => { path: string; failure: Failure } | null,
): Fetch {
  return async (request, init) => {
    const asked = new Request(request, init);
    const sent = await sentBy(asked.clone());
    for (const secret of sent.secrets) marks.know("something sent to X", secret);
    const now = failing();
    if (now && new URL(asked.url).pathname.startsWith(now.path)) return now.failure.answer(sent);
    const answer = await x(asked);
    for (const [, name = "", token] of (await answer.clone().text()).matchAll(
      /"((?:access|refresh)_token)":"([^"]+)"/g,
    ))
      marks.know(name, token);
    return answer;
  };
}

/** Where a secret, or part of one, came out. */
export const heardIn = (marks: Marks, heard: readonly Heard[]): string[] =>
  heard.flatMap(({ where, text }) => marks.found(text, "said").map((name) => `${where}: ${name}`));

/** Where one is kept in the clear: in any row of any table, or in KV. */
export async function keptIn(marks: Marks): Promise<string[]> {
  const rows = await Promise.all([bound.DB, bound.DB_1].map(rowsOf));
  return [...rows.flat(), ...(await valuesOf(bound.TOKENS))].flatMap(({ where, text }) =>
    marks.found(text, "kept").map((name) => `${where}: ${name}`),
  );
}
