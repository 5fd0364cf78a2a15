import { rfc3339 } from "#core/lib/clock";
import type { AccountRow, AccountState } from "#core/store/accounts";

/** An account as the API shows it, and events tell of it. Nothing of its tokens but when they expire. */
export type AccountView = {
  id: string;
  x_user_id: string;
  username: string;
  name: string;
  app_id: string;
  scopes: string[];
  state: AccountState;
  token_expires_at: string | null;
  /** Since when its jobs wait because its client wants it so. */
  paused_at: string | null;
  daily_cap_micro_usd: number | null;
  metadata: unknown;
  created_at: string;
};

/** Show an account. */
export const showAccount = (row: AccountRow): AccountView => ({
  id: row.id,
  x_user_id: row.x_user_id,
  username: row.username,
  name: row.name,
  app_id: row.app_id,
  scopes: JSON.parse(row.scopes) as string[],
  state: row.state,
  token_expires_at: rfc3339(row.token_expires_at),
  paused_at: rfc3339(row.paused_at),
  daily_cap_micro_usd: row.daily_cap,
  metadata: row.metadata === null ? null : (JSON.parse(row.metadata) as unknown),
  created_at: new Date(row.created_at).toISOString(),
});
