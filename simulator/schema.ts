/** The part of JSON Schema that X's request bodies use. An object refuses further properties unless `open`. */
export type Schema =
  | { type: "any" | "boolean" }
  | { type: "string"; pattern?: RegExp; enum?: readonly string[]; minLength?: number; maxLength?: number }
  | { type: "number" | "integer"; minimum?: number; maximum?: number }
  | { type: "array"; items: Schema; minItems?: number; maxItems?: number }
  | { type: "object"; properties: Record<string, Schema>; required?: readonly string[]; open?: boolean };

/** What is wrong, and where: `at` is like `media.media_ids[0]`, empty for the body itself. */
export type Flaw = { at: string; message: string; value: unknown };

/** The first flaw of a value, or null when it fits. */
export function flawOf(schema: Schema, value: unknown, at = ""): Flaw | null {
  const found = kindOf(value);
  const fits = schema.type === found || (schema.type === "number" && found === "integer");
  const flaw = (message: string) => ({ at, message: `$${at && `.${at}`}: ${message}`, value });
  if (schema.type === "any") return null;
  if (!fits) return flaw(`${found} found, ${schema.type} expected`);
  if (schema.type === "string") {
    const text = value as string;
    // JSON Schema counts characters, not UTF-16 units.
    const length =
      schema.maxLength === undefined && schema.minLength === undefined ? 0 : Array.from(text).length;
    if (length < (schema.minLength ?? 0))
      return flaw(`must be at least ${schema.minLength ?? 0} characters long`);
    if (length > (schema.maxLength ?? Infinity))
      return flaw(`may only be ${schema.maxLength ?? 0} characters long`);
    if (schema.pattern && !schema.pattern.test(text)) return flaw("does not match the expected pattern");
    if (schema.enum && !schema.enum.includes(text)) return flaw(`must be one of ${schema.enum.join(", ")}`);
  } else if (schema.type === "number" || schema.type === "integer") {
    const number = value as number;
    if (number < (schema.minimum ?? -Infinity))
      return flaw(`must have a minimum value of ${schema.minimum ?? 0}`);
    if (number > (schema.maximum ?? Infinity))
      return flaw(`must have a maximum value of ${schema.maximum ?? 0}`);
  } else if (schema.type === "array") {
    const list = value as unknown[];
    if (list.length < (schema.minItems ?? 0))
      return flaw(`there must be a minimum of ${schema.minItems ?? 0} items`);
    if (list.length > (schema.maxItems ?? Infinity))
      return flaw(`there must be a maximum of ${schema.maxItems ?? 0} items`);
    return first(list.map((item, index) => flawOf(schema.items, item, `${at}[${index}]`)));
  } else if (schema.type === "object") {
    return flawOfObject(schema, value as Record<string, unknown>, at);
  }
  return null;
}

function flawOfObject(
  schema: Schema & { type: "object" },
  value: Record<string, unknown>,
  at: string,
): Flaw | null {
  const path = (name: string) => (at ? `${at}.${name}` : name);
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(value, name)) {
      return { at: path(name), message: `$.${path(name)}: is missing but it is required`, value: undefined };
    }
  }
  for (const [name, inner] of Object.entries(value)) {
    const known = Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    if (known) {
      const flaw = flawOf(known, inner, path(name));
      if (flaw) return flaw;
    } else if (!schema.open) {
      const message = `$.${path(name)}: is not defined in the schema and the schema does not allow additional properties`;
      return { at: path(name), message, value: inner };
    }
  }
  return null;
}

const first = (flaws: (Flaw | null)[]) => flaws.find((flaw) => flaw !== null) ?? null;

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}
