import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lookAt, onlyAccount, queuesIn, rulesOf } from "../../../scripts/deploy/account.ts";
import { projectWrangler, type Answer, type Wrangler } from "../../../scripts/deploy/wrangler.ts";

const answering =
  (stdout: string, more: Partial<Answer> = {}): Wrangler =>
  async () => ({ code: 0, stdout, stderr: "", ...more });

describe("the account", () => {
  test("is the only one there is", async () => {
    expect(await onlyAccount(answering('{"accounts": [{"id": "acc1", "name": "Ours"}]}'))).toBe("acc1");
  });

  test("must be named when there are several", async () => {
    const two = '{"accounts": [{"id": "acc1", "name": "Ours"}, {"id": "acc2", "name": "Theirs"}]}';
    await expect(onlyAccount(answering(two))).rejects.toThrow(
      /CLOUDFLARE_ACCOUNT_ID.*\nacc1 {2}Ours\nacc2 {2}Theirs/,
    );
  });

  test("is nobody's when nobody is logged in", async () => {
    await expect(onlyAccount(answering('{"loggedIn": false}', { code: 1 }))).rejects.toThrow(
      "wrangler login",
    );
  });
});

test("a command that fails is told with wrangler's words", async () => {
  const wrangler = answering("", { code: 1, stderr: "Authentication error [code: 10000]" });
  await expect(queuesIn(wrangler)).rejects.toThrow(
    "wrangler queues list --page 1 ended with 1\nAuthentication error [code: 10000]",
  );
  await expect(lookAt(wrangler, ["tap-tweets"])).rejects.toThrow("wrangler secret list");
});

/** As much of Cloudflare's API as lists what an account has: two pages of queues, and a Worker with a secret. */
const lists: Record<string, unknown> = {
  "/queues?page=1": [
    queue("tap-tweets"),
    queue("tap-a-queue-with-a-name-that-is-as-long-as-the-name-of-a-queue"),
  ],
  "/queues?page=2": [queue("tap-media")],
  "/d1/database": [
    { uuid: "11111111-0000-4000-8000-000000000000", name: "twitter-api-proxy", version: "production" },
  ],
  "/storage/kv/namespaces": [{ id: "0a", title: "twitter-api-proxy-tokens" }],
  "/r2/buckets": { buckets: [bucket("one"), bucket("twitter-api-proxy-media")] },
  "/r2/buckets/one/lifecycle": { rules: [rule("Default Multipart Abort Rule"), rule("orphans")] },
  "/workers/scripts/tap-tweets/secrets": [{ name: "TOKEN_KEYS", type: "secret_text" }],
};

function queue(queue_name: string) {
  const counts = { producers: [], producers_total_count: 0, consumers: [], consumers_total_count: 0 };
  const at = "2026-01-01T00:00:00Z";
  return { queue_id: "q", queue_name, created_on: at, modified_on: at, settings: {}, ...counts };
}

function bucket(name: string) {
  return { name, creation_date: "2026-01-01T00:00:00Z" };
}

function rule(id: string) {
  const expiry = { condition: { type: "Age", maxAge: 86_400 } };
  return { id, enabled: true, conditions: { prefix: "" }, deleteObjectsTransition: expiry };
}

describe("what the real wrangler prints is understood", { timeout: 120_000 }, () => {
  let server: Server;
  let folder = "";
  let wrangler: Wrangler;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "deploy-account-"));
    server = createServer((request, response) => {
      const url = (request.url ?? "").replace("/accounts/acc1", "");
      const [path = "", query = ""] = url.split("?");
      // A page beyond the last one is empty.
      const result = lists[url] ?? (/page=[2-9]/.test(query) ? [] : lists[path]);
      const errors = result === undefined ? [{ code: 10007, message: "This Worker does not exist" }] : [];
      response.writeHead(result === undefined ? 404 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify({ success: errors.length === 0, errors, messages: [], result }));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const { port } = server.address() as AddressInfo;
    wrangler = projectWrangler(folder, "acc1", {
      ...process.env,
      CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${port}`,
      CLOUDFLARE_API_TOKEN: "token",
    });
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  test("queues page by page, databases, namespaces, buckets, and the secrets of Workers that are there and that are not", async () => {
    expect(await lookAt(wrangler, ["tap-tweets", "tap-media"])).toEqual({
      queues: new Set([
        "tap-tweets",
        "tap-a-queue-with-a-name-that-is-as-long-as-the-name-of-a-queue",
        "tap-media",
      ]),
      databases: new Map([["twitter-api-proxy", "11111111-0000-4000-8000-000000000000"]]),
      namespaces: new Map([["twitter-api-proxy-tokens", "0a"]]),
      buckets: new Set(["one", "twitter-api-proxy-media"]),
      secrets: new Map([
        ["tap-tweets", new Set(["TOKEN_KEYS"])],
        ["tap-media", new Set()],
      ]),
    });
  });

  test("the lifecycle rules of a bucket", async () => {
    expect(await rulesOf(wrangler, "one")).toEqual(new Set(["Default Multipart Abort Rule", "orphans"]));
  });
});
