import { measured } from "./measured.ts";

/** What one call to D1 or R2 came to, as the Workers write it to their log. */
export type Counted =
  | { event: "bench.d1"; worker: string; written: number; read: number }
  | { event: "bench.r2"; worker: string; call: string };

/** Where a plain copy goes: its bytes are streamed into R2, and that is all. */
export const COPY_PATH = "/bench-copy/";

type Bindings = { MEDIA: R2Bucket };

/** A Worker that counts what it asks of D1 and R2, and takes plain copies besides. */
export function countingWorker<Env extends object>(
  name: string,
  worker: ExportedHandler<Env>,
): ExportedHandler<Env> {
  const { fetch, queue, scheduled } = worker;
  return {
    ...(fetch && {
      fetch: (request, env, context) =>
        new URL(request.url).pathname.startsWith(COPY_PATH)
          ? copy(request, env as Bindings)
          : fetch(request, counted(name, env), context),
    }),
    ...(queue && { queue: (batch, env, context) => queue(batch, counted(name, env), context) }),
    ...(scheduled && { scheduled: (tick, env, context) => scheduled(tick, counted(name, env), context) }),
  };
}

async function copy(request: Request, { MEDIA }: Bindings): Promise<Response> {
  await MEDIA.put(new URL(request.url).pathname.slice(1), request.body);
  return new Response(null, { status: 204 });
}

const say = (counted: Counted): void => {
  console.log(JSON.stringify(counted));
};

const counted = <Env extends object>(worker: string, env: Env): Env =>
  Object.fromEntries(
    Object.entries(env).map(([name, binding]: [string, unknown]) => {
      if (typeof binding !== "object" || binding === null) return [name, binding];
      if ("prepare" in binding) return [name, database(worker, binding as D1Database)];
      return [name, "createMultipartUpload" in binding ? bucket(worker, binding) : binding];
    }),
  ) as Env;

const bucket = (worker: string, inner: object): object =>
  new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...values: unknown[]) => {
        say({ event: "bench.r2", worker, call: String(name) });
        return (value as (...all: unknown[]) => unknown).apply(target, values);
      };
    },
  });

const database = (worker: string, db: D1Database): D1Database =>
  measured(db, { written: 0, read: 0, statements: 0 }, ({ rows_written: written, rows_read: read }) => {
    say({ event: "bench.d1", worker, written, read });
  });
