-- Tokens that are refreshed: when a pair was issued, by what, and when to refresh it. An X user that was disconnected may go to another client.
CREATE TABLE accounts_now (
  id TEXT PRIMARY KEY CHECK (id GLOB 'acc_*'),
  client_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  x_user_id TEXT NOT NULL,
  username TEXT NOT NULL,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL CHECK (json_type(scopes) = 'array'),
  state TEXT NOT NULL CHECK (state IN ('connected', 'reconnect_required', 'disconnected')),
  -- The sealed pair. It moves with its version, in one statement.
  token TEXT,
  token_version INTEGER NOT NULL CHECK (token_version >= 0),
  token_expires_at INTEGER,
  token_issued_at INTEGER NOT NULL,
  -- A token fresh from connecting that X refuses gets its one refresh; one that a refresh just brought does not.
  token_origin TEXT NOT NULL CHECK (token_origin IN ('connect', 'refresh')),
  -- When the clock asks for a refresh; NULL when there is nothing to refresh with.
  refresh_at INTEGER,
  metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO accounts_now
SELECT id, client_id, app_id, x_user_id, username, name, scopes, state, token, token_version, token_expires_at, updated_at,
       'connect', iif(state = 'connected' AND scopes LIKE '%"offline.access"%', token_expires_at - 1500000, NULL), metadata,
       created_at, updated_at
  FROM accounts;

DROP TABLE accounts;
ALTER TABLE accounts_now RENAME TO accounts;

CREATE INDEX accounts_by_client ON accounts (client_id, id);

-- What the clock scans.
CREATE INDEX accounts_by_refresh_at ON accounts (refresh_at, id) WHERE refresh_at IS NOT NULL;

-- 1: disconnected, and free for another client to connect.
ALTER TABLE x_users ADD COLUMN released INTEGER NOT NULL DEFAULT 0 CHECK (released IN (0, 1));
