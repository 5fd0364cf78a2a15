import { expect, test } from "vitest";
import type { ProblemCode } from "#core/lib/problem";
import { movie } from "../../scripts/movie.ts";
import { file } from "../support/files.ts";
import { openLeakDoor, type LeakDoor } from "../support/leak-door.ts";
import type { SAID_BY_JOBS } from "../support/leaks.ts";
import { RETURN_URL } from "../support/door.ts";

// Every code that the door can say is said once, in the presence of secrets. A new code must be put here, or among those
// that jobs alone can say.

type Asked = { open: LeakDoor; key: string; id: string; admin: string };
type Provoke = (asked: Asked) => Promise<unknown>;

const post = ({ open, key }: Asked, path: string, body: unknown, more: object = {}) =>
  open.send({ method: "POST", path, key, body, ...more });

const callback = async ({ open }: Asked, path: string) => open.send({ method: "GET", path });

/** X's answer at its token endpoint, while an account is connected. */
const refusing =
  (status: number, error: string, words = ""): Provoke =>
  async (asked) => {
    const path = await asked.open.consented(asked.key);
    const answer = () => Response.json({ error, error_description: words }, { status });
    asked.open.failX("/2/oauth2/token", { name: error, answer });
    return callback(asked, path);
  };

/** An account as it stands in a row, for a refresh. */
const refreshing =
  (columns: string): Provoke =>
  async (asked) => {
    const id = await asked.open.account(asked.key);
    await asked.open.door.env.DB.prepare(`UPDATE accounts SET ${columns}`).run();
    await asked.open.door.env.DB_1?.prepare(`UPDATE accounts SET ${columns}`).run();
    return post(asked, `/v1/accounts/${id}/refresh`, undefined);
  };

const breaking =
  (words: string): Provoke =>
  async ({ open, key }) => {
    open.failStatements(1, Infinity, words);
    await open.send({ method: "GET", path: "/v1/accounts", key });
    open.failStatements(Infinity, Infinity);
  };

const tweet = async (asked: Asked, more: object = {}) => {
  const account_id = await asked.open.account(asked.key);
  const body = { account_id, text: "hello" };
  return { account_id, body, answer: await post(asked, "/v1/tweets", body, more) };
};

/** Begin an upload, and send it so much of what it is said to be. */
const upload =
  (of: {
    length?: number;
    type?: string;
    bytes?: BodyInit;
    offset?: number;
    sum?: string;
    version?: string;
    late?: true;
  }): Provoke =>
  async ({ open, key }) => {
    const { length = 5, type = "video/mp4", bytes = "12345", offset = 0, version = "1.0.0" } = of;
    const metadata = `account_id ${btoa(await open.account(key))},filetype ${btoa(type)}`;
    const begun = await open.send({
      method: "POST",
      path: "/v1/uploads",
      key,
      headers: { "tus-resumable": version, "upload-length": String(length), "upload-metadata": metadata },
    });
    const path = begun.headers.get("location");
    if (path === null) return;
    if (of.late) open.door.advance(4 * 86_400_000);
    const headers = {
      "tus-resumable": version,
      "upload-offset": String(offset),
      "content-type": "application/offset+octet-stream",
      ...(of.sum !== undefined && { "upload-checksum": of.sum }),
    };
    await open.send({ method: "PATCH", path, key, text: bytes, headers });
  };
/** One that has no address. */
const endpoint = (asked: Asked) => post(asked, "/v1/webhook-endpoints", { events: ["*"] });

const provoked: Record<Exclude<ProblemCode, (typeof SAID_BY_JOBS)[number]>, Provoke> = {
  not_json: (asked) =>
    post(asked, "/v1/tweets", undefined, { text: "{", headers: { "content-type": "application/json" } }),
  unknown_parameter: ({ open, key }) => open.send({ method: "GET", path: "/v1/accounts?x=1", key }),
  unauthorized: ({ open, key }) => open.send({ method: "GET", path: "/v1/accounts", key: `${key}x` }),
  insufficient_scope: ({ open, admin }) => open.send({ method: "GET", path: "/v1/accounts", key: admin }),
  not_found: ({ open, key }) => open.send({ method: "DELETE", path: `/v1/keys/${key}`, key }),
  method_not_allowed: ({ open, key }) => open.send({ method: "PUT", path: "/v1/keys", key }),
  already_sent: async (asked) => {
    const { id } = await (await tweet(asked)).answer.json<{ id: string }>();
    await asked.open.door.setJob(id, { state: "succeeded", open: null, finished_at: 1 });
    return post(asked, `/v1/jobs/${id}/cancel`, undefined);
  },
  not_retryable: async (asked) => {
    const { id } = await (await tweet(asked)).answer.json<{ id: string }>();
    return post(asked, `/v1/jobs/${id}/retry`, undefined);
  },
  not_parked: async (asked) => {
    const { id } = await (await tweet(asked)).answer.json<{ id: string }>();
    return post(asked, `/v1/jobs/${id}/resolve`, { outcome: "not_posted" });
  },
  endpoint_disabled: async (asked) => {
    const { id } = await (await endpoint(asked)).json<{ id: string }>();
    return post(asked, `/v1/webhook-endpoints/${id}/test`, undefined);
  },
  too_many_endpoints: async (asked) => {
    await Promise.all(Array.from({ length: 100 }, () => endpoint(asked)));
    return endpoint(asked);
  },
  account_in_use: async (asked) => {
    const user_id = asked.open.door.x.createUser({ username: "ada" }).id;
    await asked.open.account((await asked.open.client()).key, { user_id });
    return callback(asked, await asked.open.consented(asked.key, { user_id }));
  },
  account_disconnected: async (asked) => {
    const { account_id, body } = await tweet(asked);
    await asked.open.send({ method: "DELETE", path: `/v1/accounts/${account_id}`, key: asked.key });
    return post(asked, "/v1/tweets", body);
  },
  app_in_use: async ({ open, key }) => {
    const app_id = await open.app(key);
    await open.account(key, { app_id });
    return open.send({ method: "DELETE", path: `/v1/apps/${app_id}`, key });
  },
  precondition_failed: async (asked) => {
    const { id } = await (await tweet(asked)).answer.json<{ id: string }>();
    const headers = { "if-match": '"7"' };
    return asked.open.send({
      method: "PATCH",
      path: `/v1/jobs/${id}`,
      key: asked.key,
      body: { max_attempts: 1 },
      headers,
    });
  },
  body_too_large: (asked) =>
    post(asked, "/v1/apps", { x_client_secret: asked.open.own.tenant, name: "n".repeat(2 ** 20) }),
  unsupported_media_type: (asked) =>
    post(asked, "/v1/apps", {}, { headers: { "content-type": "text/plain" } }),
  invalid: (asked) => post(asked, "/v1/apps", { x_client_secret: asked.open.own.tenant }),
  idempotency_mismatch: async (asked) => {
    const headers = { "idempotency-key": "once" };
    const { body } = await tweet(asked, { headers });
    return post(asked, "/v1/tweets", { ...body, text: "other" }, { headers });
  },
  spend_cap: async (asked) => {
    const { open, key } = asked;
    const path = `/v1/accounts/${await open.account(key)}`;
    await open.send({ method: "PATCH", path, key, body: { daily_cap_micro_usd: 0 } });
    return open.send({ method: "GET", path: `${path}/profile`, key });
  },
  too_many_requests: async ({ open, key }) => {
    open.door.env.KEY_LIMIT = "on";
    for (let asked = 0; asked < 11; asked++) await open.send({ method: "GET", path: "/v1/accounts", key });
  },
  internal: breaking("D1_ERROR: something new"),
  unavailable: breaking("D1_ERROR: Network connection lost"),
  misconfigured: async ({ open }) => {
    open.door.app.ring = () => Promise.reject(new Error("TOKEN_KEYS is missing"));
    return open.send({ method: "GET", path: "/readyz" });
  },
  tus_version: upload({ version: "0.2.2" }),
  upload_conflict: upload({ offset: 3 }),
  upload_expired: upload({ late: true }),
  checksum_mismatch: upload({ sum: `sha1 ${btoa("a".repeat(20))}` }),
  media_too_large: upload({ length: 10_000_000, type: "image/png" }),
  media_unsupported: upload({ type: "application/pdf" }),
  media_mislabelled: upload({ bytes: file("image/png", 5_000), length: 5_000 }),
  media_cut_off: upload({ bytes: movie(5_000).slice(0, 4_000), length: 4_000 }),
  media_duration: upload({ bytes: movie(5_000, { duration_s: 10_000 }), length: 5_000 }),
  reconnect_required: refreshing("state = 'reconnect_required'"),
  not_refreshable: refreshing("refresh_at = NULL"),
  invalid_state: async (asked) => {
    const path = await asked.open.consented(asked.key);
    await callback(asked, path);
    await callback(asked, path);
    return asked.open.send({ method: "GET", path, headers: { accept: "text/html" } });
  },
  access_denied: async (asked) =>
    callback(asked, await asked.open.consented(asked.key, { decision: "cancel" })),
  app_deleted: async (asked) => {
    const app_id = await asked.open.app(asked.key);
    const path = await asked.open.consented(asked.key, { app_id });
    await asked.open.send({ method: "DELETE", path: `/v1/apps/${app_id}`, key: asked.key });
    return callback(asked, path);
  },
  app_refused: refusing(401, "unauthorized_client"),
  x_invalid_request: refusing(400, "invalid_request", "Missing required parameter [code]."),
  x_unauthorized: refusing(400, "invalid_grant"),
  x_unavailable: refusing(503, ""),
  x_unexpected: async (asked) => {
    const path = await asked.open.consented(asked.key);
    return callback(asked, path.replace(/&?code=[^&]+/, ""));
  },
};

test.each(Object.entries(provoked))("%s is said without a secret", async (code, provoke) => {
  const open = await openLeakDoor();
  const { key, id } = await open.client();
  await open.app(key);
  await post({ open, key, id, admin: "" }, "/v1/accounts/connect", { return_url: RETURN_URL });
  await provoke({ open, key, id, admin: open.own.ADMIN_KEY });
  expect([...open.codes]).toContain(code);
  expect(await open.leaks()).toEqual([]);
});
