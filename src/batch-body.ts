import { z } from "zod";
import { base64url } from "#core/lib/bytes";
import { Problem, type FieldError } from "#core/lib/problem";
import { chunksOf, ITEMS_LIMIT_BYTES, notJson, typeOf } from "./body.ts";
import { spreadFields } from "./spread.ts";
import { fieldErrors } from "./validate.ts";

/** A batch has at most so many items. */
export const MAX_ITEMS = 10_000;

/** What stands beside the items: in JSON around them, in NDJSON in a first line without an item's fields. */
const header = z.strictObject({
  defaults: z.record(z.string(), z.unknown()).optional(),
  atomic: z.boolean().optional(),
  dry_run: z
    .boolean()
    .optional()
    .describe("Only check it: 200 with what is wrong and the price, nothing is taken."),
  ...spreadFields,
});

export type BatchHeader = z.output<typeof header>;

export const batchSchema = header.extend({ items: z.array(z.record(z.string(), z.unknown())) });

/** Who is handed a batch while it is read: the header first, then each item, or that a line was no JSON. */
export type BatchSink = {
  begin(header: BatchHeader): void;
  item(value: unknown): void;
  broken(): void;
};

const NDJSON = ["application/x-ndjson", "application/ndjson"];

/**
 * Read a batch from the body of a request, JSON or NDJSON, of which a line is an item and is handed on as it comes. Returns
 * the SHA-256 of the body. Throws 400, 413, 415, and 422 for what is wrong with the whole.
 */
export async function readBatch(request: Request, sink: BatchSink): Promise<string> {
  const type = typeOf(request);
  const isLines = type !== undefined && NDJSON.includes(type);
  const reader = isLines ? linesInto(sink) : wholeInto(sink);
  const digest = new crypto.DigestStream("SHA-256");
  const hashing = digest.getWriter();
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  const decode = (chunk?: Uint8Array): string => {
    try {
      return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
    } catch {
      throw notJson(false);
    }
  };
  for await (const chunk of chunksOf(request, ITEMS_LIMIT_BYTES)) {
    await hashing.write(chunk);
    reader.text(decode(chunk));
  }
  if (!isLines && type !== "application/json")
    throw new Problem("unsupported_media_type", { detail: `application/json or ${NDJSON[0] ?? ""}` });
  reader.text(decode());
  reader.end();
  await hashing.close();
  return base64url(new Uint8Array(await digest.digest));
}

type Reader = { text(part: string): void; end(): void };

function wholeInto(sink: BatchSink): Reader {
  const parts: string[] = [];
  return {
    text: (part) => parts.push(part),
    end() {
      const { items, ...rest } = topOf(parse(parts.join("")));
      const read = header.safeParse(rest);
      const errors = [...itemsErrors(items), ...(read.success ? [] : fieldErrors(read.error))];
      if (errors.length > 0 || !read.success || !Array.isArray(items))
        throw new Problem("invalid", { errors });
      sink.begin(read.data);
      for (const item of items) sink.item(item);
    },
  };
}

/** The value of a body of JSON; a throw says nothing of what stands in it. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw notJson(text === "");
  }
}

function topOf(value: unknown): Record<string, unknown> {
  if (isObject(value)) return value;
  throw new Problem("invalid", {
    errors: [{ pointer: "", code: "invalid_type", detail: "An object with items" }],
  });
}

function itemsErrors(items: unknown): FieldError[] {
  const error = (code: string, detail: string): FieldError[] => [{ pointer: "/items", code, detail }];
  if (items === undefined) return error("required", "A list of items is needed");
  if (!Array.isArray(items)) return error("invalid_type", "A list of items is needed");
  if (items.length === 0) return error("too_small", "There are no items");
  return items.length > MAX_ITEMS ? error("too_big", `A batch has at most ${MAX_ITEMS} items`) : [];
}

function linesInto(sink: BatchSink): Reader {
  let rest = "";
  let begun = false;
  let count = 0;
  const line = (text: string): void => {
    if (text.trim() === "") return;
    const value = parsed(text);
    if (!begun) {
      begun = true;
      const read = isHeader(value) ? header.safeParse(value) : null;
      if (read && !read.success) throw new Problem("invalid", { errors: fieldErrors(read.error) });
      sink.begin(read?.data ?? {});
      if (read) return;
    }
    // What is too much is read to its end, and refused there.
    if (++count > MAX_ITEMS) return;
    if (value === undefined) sink.broken();
    else sink.item(value);
  };
  return {
    text(part) {
      const lines = (rest + part).split("\n");
      rest = lines.pop() ?? "";
      for (const one of lines) line(one);
    },
    end() {
      line(rest);
      if (count === 0) throw new Problem("invalid", { errors: itemsErrors([]) });
      if (count > MAX_ITEMS) throw new Problem("invalid", { errors: itemsErrors(Array(count)) });
    },
  };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isHeader = (value: unknown): boolean =>
  isObject(value) && ["defaults", "atomic", "spread"].some((name) => name in value);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
