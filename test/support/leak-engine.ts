import { env } from "cloudflare:workers";
import { createSimulator } from "../../simulator/simulator.ts";
import { appPlace } from "#core/accounts/apps";
import type { Kind } from "#core/jobs/define";
import { kinds } from "#core/jobs/kinds/index";
import { newId } from "#core/lib/ids";
import { openRing } from "#core/lib/seal";
import { file } from "./files.ts";
import { ALL_SCOPES } from "./kinds.ts";
import { putMedium } from "./medium.ts";
import { createHarness, TEST_RING } from "./harness.ts";
import { awkwardSecret, heardIn, keptIn, listen, listeningTo, type Heard } from "./leaks.ts";
import { createMarks, emptyKv } from "./marks.ts";
import { put } from "./rows.ts";
import { failingStatements, telltaleBinding, telltaleDatabase } from "./telltale.ts";
import type { Failure } from "./x-failures.ts";

export type LeakEngine = Awaited<ReturnType<typeof openLeakEngine>>;

export type Driven = (typeof kinds)[number]["name"];
export const kindsDriven: Driven[] = kinds.map(({ name }) => name);

/**
 * The engine with the simulator as X, and secrets that are marked everywhere: tokens before and after a refresh, and the
 * secrets of both X apps. D1, KV and X fail when told to, each quoting what it was given.
 */
export async function openLeakEngine() {
  await emptyKv(env.TOKENS);
  const marks = createMarks();
  const heard: Heard[] = listen(marks);
  const statements = failingStatements();
  let bindings: string | null = null;
  let failing: Failure | null = null;
  const [own, tenant] = [awkwardSecret(), awkwardSecret()];
  marks.know("the installation's X client secret", own);
  marks.know("a client's X client secret", tenant);

  const kv = telltaleBinding(env.TOKENS, { next: () => bindings });
  const h = await createHarness({ client_secret: own, kv });
  h.wrapDatabase((db) => telltaleDatabase(db, statements));
  const x = createSimulator({ now: h.now, sleep: () => Promise.resolve() });
  const redirect_uris = ["https://client.test/"];
  x.createApp({ client_id: "x-app", client_secret: own, redirect_uris });
  x.createApp({ client_id: "x-tenant", client_secret: tenant, redirect_uris });
  const network = listeningTo(x.fetch, marks, () => failing && { path: "/", failure: failing });
  h.answer((_, request) => network(request));

  const ring = await openRing(TEST_RING, "TOKEN_KEYS");
  const app_id = newId("app", "0", h.now());
  const secret = await ring.seal(tenant, appPlace(app_id));
  await put(env.DB, "apps", {
    id: app_id,
    client_id: h.clientId,
    name: "",
    x_client_id: "x-tenant",
    secret,
    created_at: 1,
  });

  /** An account that X knows, through this installation's X app or the client's. */
  async function account(whose: "own" | "tenant"): Promise<string> {
    const user = x.createUser({ username: `u${x.users().length}` });
    const client_id = whose === "own" ? "x-app" : "x-tenant";
    const { access_token, refresh_token = "" } = x.createGrant({
      client_id,
      user_id: user.id,
      scopes: ALL_SCOPES,
    });
    marks.know("an access token", access_token);
    marks.know("a refresh token", refresh_token);
    return h.account({
      token: access_token,
      refresh_token,
      x_user_id: user.id,
      ...(whose === "tenant" && { app: app_id }),
    });
  }

  /** A job of a kind that is due: its example, of this account. */
  async function post(kind: Driven, accountId: string, max_attempts: number | null = null): Promise<string> {
    const of = kinds.find(({ name }) => name === kind) as unknown as Kind;
    const params: Record<string, unknown> = { ...(of.example as object), account_id: accountId };
    if (of.medium)
      params.media_id = await putMedium(file("image/png", 100), {
        client_id: h.clientId,
        account_id: accountId,
        now: h.now(),
      });
    return h.post(accountId, "", { kind: of, params, max_attempts });
  }

  /** What came out that must not. */
  async function leaks(of: "all" | "said" = "all"): Promise<string[]> {
    const lines = h.log.splice(0).map((line) => ({ where: `log ${line.event}`, text: JSON.stringify(line) }));
    const messages = h.messages.map((message) => ({ where: "queue", text: JSON.stringify(message) }));
    const all = [...heard.splice(0), ...lines, ...messages];
    return [...heardIn(marks, all), ...(of === "all" ? await keptIn(marks) : [])];
  }

  return {
    h,
    x,
    marks,
    account,
    post,
    leaks,
    /** Hear something of what the engine threw. */
    hear: (where: string, text: string) => heard.push({ where, text }),
    failStatements: statements.fail,
    ran: statements.ran,
    /** Let KV fail. */
    failBindings: (words: string | null) => {
      bindings = words;
    },
    failX: (failure: Failure | null) => {
      failing = failure;
    },
    /** Forget why jobs waited, so that the next ones do not. */
    openGates: () => env.DB.prepare("DELETE FROM gates").run(),
    /** What is kept of a job, where nothing secret may stand. */
    kept: async (id: string): Promise<string[]> => marks.found(JSON.stringify(await h.job(id)), "kept"),
  };
}
