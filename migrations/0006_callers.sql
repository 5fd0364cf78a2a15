-- Tenants bring X apps of their own; keys are listed and revoked; a connect remembers who began it.
ALTER TABLE apps ADD COLUMN name TEXT NOT NULL DEFAULT '';

CREATE INDEX apps_by_client ON apps (client_id, id);

ALTER TABLE api_keys ADD COLUMN revoked_at INTEGER;

CREATE INDEX api_keys_by_client ON api_keys (client_id, id);

ALTER TABLE oauth_states ADD COLUMN actor TEXT NOT NULL DEFAULT '';
