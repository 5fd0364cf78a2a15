import { rfc3339 } from "#core/lib/clock";
import type { EndpointRow } from "#core/store/endpoints";

/** An endpoint as the API shows it: never its secret. */
export const showEndpoint = (row: EndpointRow) => ({
  id: row.id,
  url: row.url,
  events: JSON.parse(row.events) as string[],
  account_ids: row.account_ids === null ? null : (JSON.parse(row.account_ids) as string[]),
  description: row.description,
  state: row.state,
  disabled_reason: row.disabled_reason,
  failing_since: rfc3339(row.failing_since),
  created_at: new Date(row.created_at).toISOString(),
});
