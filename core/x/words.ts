import { hide, hideRuns } from "#core/lib/hide";
import type { Upstream } from "#core/lib/problem";
import type { Received } from "./answer.ts";

/**
 * The words of a refusal, whichever of X's dialects it speaks: problem+json, the old validation problem with
 * `errors[]`, legacy `errors[{code, message}]`, OAuth's `{error, error_description}`, or plain text.
 */
export type Words = {
  /** The problem type as it came. */
  type: string | null;
  /** What stands after `/problems/`: X uses several hosts before it. */
  kind: string | null;
  /** Legacy codes, all of them. */
  codes: number[];
  /** OAuth's error code. */
  error: string | null;
  /** One line for people, at most 300 characters, without secrets. */
  detail: string | null;
};

/** A page of the edge is long, and its beginning is all that is ever shown. */
const MAX_READ = 10_000;
const MAX_DETAIL = 300;
const MAX_NAME = 200;

/** Read the words of an answer. Whatever is missing or of the wrong type is null. */
export function readWords(answer: Received): Words {
  const body = asRecord(answer.json);
  const errors = Array.isArray(body.errors) ? body.errors.map(asRecord) : [];
  const type = asText(body.type) ?? asText(errors[0]?.type);
  return {
    type: type === null ? null : shown(answer, type, MAX_NAME),
    kind: type?.split("/problems/")[1] ?? null,
    codes: errors.map(({ code }) => Number(code)).filter((code) => Number.isInteger(code)),
    error: asText(body.error),
    detail: readDetail(answer, body, errors),
  };
}

/** X's words as a problem keeps them. */
export function upstreamOf(answer: Received): Upstream {
  const { type, detail } = readWords(answer);
  const { status, request_id } = answer;
  return {
    status,
    type,
    detail,
    ...(request_id !== null && { request_id: shown(answer, request_id, MAX_NAME) }),
  };
}

type Fields = Record<string, unknown>;

/** The old validation problem says only in `errors[]` which parameter was wrong, so both are kept. */
function readDetail(answer: Received, body: Fields, errors: Fields[]): string | null {
  const sentences = [
    body.detail,
    body.error_description,
    ...errors.map(({ message, detail }) => message ?? detail),
  ]
    .map(asText)
    .filter((sentence) => sentence !== null);
  const said = sentences.length > 0 ? [...new Set(sentences)].join(" ") : null;
  const words = said ?? asText(body.error) ?? asText(body.title);
  const line = shown(answer, words ?? answer.text, MAX_DETAIL);
  return line === "" ? null : line;
}

/** Some of X's words, without what was sent with the call, in whatever form, and without anything that looks like a secret. */
const shown = ({ secrets }: Received, text: string, most: number): string =>
  hideRuns(
    hide(text.slice(0, MAX_READ), secrets).replace(/\b(bearer|basic)\s+[^\s"']{16,}/gi, "$1 [removed]"),
  )
    .trim()
    .slice(0, most);

const asRecord = (value: unknown): Fields =>
  typeof value === "object" && value !== null ? (value as Fields) : {};

const asText = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
