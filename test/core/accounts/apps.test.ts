import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import {
  appPlace,
  createApps,
  credentialsOf,
  DEFAULT_APP_ID,
  type AppCredentials,
} from "#core/accounts/apps";
import { newId } from "#core/lib/ids";
import { openRing } from "#core/lib/seal";
import * as apps from "#core/store/apps";
import { TEST_RING } from "../../support/harness.ts";
import { empty, NOW } from "../../support/rows.ts";

const ring = await openRing(TEST_RING, "TOKEN_KEYS");
const id = newId("app", "1", NOW);

beforeEach(() => Promise.all([env.DB, env.DB_1].map(empty)));

const appsWith = (fallback: AppCredentials | null) =>
  createApps({
    databases: { DB: env.DB, DB_1: env.DB_1 },
    ring,
    network: () => Promise.reject(new Error("nobody is asked here")),
    x_url: "https://x.test",
    now: () => NOW,
    fallback,
  });

const stored = async (secret: string | null): Promise<void> => {
  const row = { id, client_id: "cli_1", name: "ours", x_client_id: "x-of-tenant", secret, created_at: NOW };
  await apps.insert(env.DB_1, row).run();
};

test("a tenant's app asks with its own id and its opened secret", async () => {
  await stored(await ring.seal("hush", appPlace(id)));
  expect(await appsWith(null).find(id)).toMatchObject({ clientId: "x-of-tenant", clientSecret: "hush" });
});

test("a public app has no secret", async () => {
  await stored(null);
  expect(await appsWith(null).find(id)).toMatchObject({ clientId: "x-of-tenant", clientSecret: null });
});

test("the installation's app comes from its secrets, and from no table", async () => {
  const ours = appsWith({ client_id: "x-of-all", client_secret: "quiet" });
  expect(await ours.find(DEFAULT_APP_ID)).toMatchObject({ clientId: "x-of-all", clientSecret: "quiet" });
});

test.each([DEFAULT_APP_ID, newId("app", "0", NOW), "app_9"])(
  "%s is nobody when it is not there",
  async (app) => {
    expect(await appsWith(null).find(app)).toBeNull();
  },
);

test("a secret that was sealed for another app does not open", async () => {
  await stored(await ring.seal("hush", appPlace("app_other")));
  await expect(appsWith(null).find(id)).rejects.toThrow();
});

test.each([
  [
    { X_CLIENT_ID: "x", X_CLIENT_SECRET: "s" },
    { client_id: "x", client_secret: "s" },
  ],
  [
    { X_CLIENT_ID: "x", X_CLIENT_SECRET: "" },
    { client_id: "x", client_secret: null },
  ],
  [{ X_CLIENT_ID: "x" }, { client_id: "x", client_secret: null }],
  [{ X_CLIENT_ID: "", X_CLIENT_SECRET: "s" }, null],
  [{}, null],
])("the secrets %j are the app %j", (secrets, app) => {
  expect(credentialsOf(secrets)).toEqual(app);
});
