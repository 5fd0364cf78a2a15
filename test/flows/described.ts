import { Ajv2020 } from "ajv/dist/2020.js";
import ajvFormats from "ajv-formats";
import { afterAll, expect } from "vitest";

// Every answer of the Workers to any flow is held to the description that they serve, by a validator that knows nothing else of them.

type Content = Record<string, { schema?: object } | undefined>;
type Operation = { responses: Record<string, { content?: Content } | undefined> };
type Description = { openapi: string; paths: Record<string, Record<string, Operation | undefined>> };
type Check = (method: string, pathname: string, response: Response) => Promise<void>;

/** A module of before there were modules: its types do not say what is imported of it. */
const formats = ajvFormats as unknown as (ajv: Ajv2020) => void;

const real = globalThis.fetch;
const wrong: string[] = [];
/** By origin; null: somebody else's. */
const checks = new Map<string, Check | null>();

globalThis.fetch = async (input, init) => {
  const { method, url } = new Request(input, init);
  const response = await real(input, init);
  const check = await checkOf(new URL(url).origin);
  const { pathname } = new URL(url);
  // What begins so is answered by wrangler.
  const isOurs = !pathname.startsWith("/cdn-cgi/") && !["HEAD", "OPTIONS"].includes(method);
  if (check && isOurs) await check(method, pathname, response.clone());
  return response;
};

afterAll(() => {
  expect(wrong).toEqual([]);
});

/** How the answers of an origin are checked. What is stopped just now is asked again another time. */
async function checkOf(origin: string): Promise<Check | null> {
  const known = checks.get(origin);
  if (known !== undefined) return known;
  try {
    const response = await real(`${origin}/openapi.json`);
    const found = response.ok ? ((await response.json()) as Partial<Description>) : {};
    checks.set(origin, found.openapi?.startsWith("3.1") ? checkBy(found as Description) : null);
  } catch {
    return null;
  }
  return checks.get(origin) ?? null;
}

function checkBy(description: Description): Check {
  const ajv = new Ajv2020({ strict: false });
  formats(ajv);
  ajv.addSchema(description, "api");
  const paths = Object.keys(description.paths).map((path) => ({
    path,
    form: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}/*$`),
  }));

  return async (method, pathname, response) => {
    const status = String(response.status);
    const what = `${method} ${pathname} ${status}`;
    const path = paths.find(({ form }) => form.test(pathname))?.path;
    const verb = method.toLowerCase();
    const responses = path && description.paths[path]?.[verb]?.responses;
    // What nobody describes is refused as such.
    if (!path || !responses) {
      if (response.ok) wrong.push(`${what}: not described`);
      return;
    }
    const key = [status, `${status.charAt(0)}XX`].find((one) => one in responses);
    if (key === undefined) {
      wrong.push(`${what}: no such answer is described`);
      return;
    }
    const content = responses[key]?.content;
    const type = response.headers.get("content-type")?.split(";")[0] ?? "";
    if (content === undefined || !type.endsWith("json")) return;
    const place = ["paths", path, verb, "responses", key, "content", type, "schema"].map(escaped).join("/");
    const body: unknown = await response.json();
    if (!ajv.validate({ $ref: `api#/${place}` }, body)) wrong.push(`${what}: ${ajv.errorsText()}`);
  };
}

/** A name in a JSON pointer in a URI (RFC 6901, section 6). */
const escaped = (name: string): string =>
  encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
