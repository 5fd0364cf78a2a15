import type { z } from "zod";
import { Problem, type FieldError } from "#core/lib/problem";

/** Every mistake zod found, as pointers (RFC 6901) below `prefix`. */
export const fieldErrors = (error: z.ZodError, prefix = ""): FieldError[] =>
  error.issues.flatMap((issue) => fromIssue(issue, prefix));

/** The pointer to a place below `prefix`. */
export const pointerTo = (path: readonly PropertyKey[], prefix = ""): string =>
  prefix + path.map((part) => `/${escaped(String(part))}`).join("");

function fromIssue(issue: z.core.$ZodIssue, prefix: string): FieldError[] {
  const pointer = pointerTo(issue.path, prefix);
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({
      pointer: `${pointer}/${escaped(key)}`,
      code: "unknown_field",
      detail: "There is no such field",
    }));
  return [{ pointer, code: codeOf(issue), detail: issue.message }];
}

function codeOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "custom") return typeof issue.params?.code === "string" ? issue.params.code : "invalid";
  if (issue.code === "invalid_type" && issue.message.endsWith("received undefined")) return "required";
  return issue.code;
}

const escaped = (part: string): string => part.replaceAll("~", "~0").replaceAll("/", "~1");

/** The parameter that a pointer into a query points at. */
const nameIn = (pointer: string): string => pointer.slice(1).replaceAll("~1", "/").replaceAll("~0", "~");

/** Read a query: each parameter once, none unknown. Throws `unknown_parameter` with every mistake. */
export function readQuery<Schema extends z.ZodType>(url: URL, schema: Schema): z.output<Schema> {
  const errors: FieldError[] = [];
  const given = Object.create(null) as Record<string, string>;
  for (const [name, value] of url.searchParams) {
    if (name in given) errors.push({ pointer: name, code: "repeated", detail: "Given more than once" });
    given[name] = value;
  }
  const read = schema.safeParse(given);
  if (!read.success)
    errors.push(...fieldErrors(read.error).map((one) => ({ ...one, pointer: nameIn(one.pointer) })));
  if (errors.length > 0 || !read.success) throw new Problem("unknown_parameter", { errors });
  return read.data;
}
