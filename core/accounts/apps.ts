import type { Ring } from "#core/lib/seal";
import * as apps from "#core/store/apps";
import type { AppRow } from "#core/store/apps";
import { shard, type Databases } from "#core/store/shard";
import { first } from "#core/store/sql";
import type { Fetch } from "#core/x/client";
import type { OAuthApp } from "#core/x/oauth";

/** The X app of this installation, from its secrets: for accounts that were connected through no other. */
export const DEFAULT_APP_ID = "app_default";

/** What X knows an X app by. `client_secret` is null for a public app. */
export type AppCredentials = { client_id: string; client_secret: string | null };

/** The credentials in a Worker's secrets, or null without an id. An empty secret is that of a public app. */
export function credentialsOf(env: {
  X_CLIENT_ID?: string;
  X_CLIENT_SECRET?: string;
}): AppCredentials | null {
  const { X_CLIENT_ID, X_CLIENT_SECRET = "" } = env;
  if (!X_CLIENT_ID) return null;
  return { client_id: X_CLIENT_ID, client_secret: X_CLIENT_SECRET === "" ? null : X_CLIENT_SECRET };
}

/** The X apps by our ids. */
export type Apps = {
  /** How to ask X's OAuth endpoints as this app; null when it is unknown. Rejects when its secret does not open. */
  find(appId: string): Promise<OAuthApp | null>;
};

/** The additional data under which an app's secret is sealed. */
export const appPlace = (appId: string): string => `app:${appId}`;

export function createApps(options: {
  databases: Databases;
  ring: Ring;
  network: Fetch;
  x_url: string;
  now: () => number;
  /** How long a call may take. */
  timeout_ms?: number;
  /** Null while the installation has no X app of its own. */
  fallback: AppCredentials | null;
}): Apps {
  const { databases, ring, network, x_url, now, timeout_ms, fallback } = options;

  async function credentials(appId: string): Promise<AppCredentials | null> {
    if (appId === DEFAULT_APP_ID) return fallback;
    const db = shard(databases, appId);
    const row = db && (await first<AppRow>(apps.find(db, appId)));
    if (!row) return null;
    const client_secret = row.secret === null ? null : await ring.open(row.secret, appPlace(appId));
    return { client_id: row.x_client_id, client_secret };
  }

  return {
    async find(appId) {
      const found = await credentials(appId);
      return (
        found && {
          fetch: network,
          baseUrl: x_url,
          clientId: found.client_id,
          clientSecret: found.client_secret,
          now,
          timeout_ms,
        }
      );
    },
  };
}
