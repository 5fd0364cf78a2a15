-- X apps, the X accounts connected through them, and the states of connects under way.
CREATE TABLE apps (
  id TEXT PRIMARY KEY CHECK (id GLOB 'app_*'),
  client_id TEXT,
  x_client_id TEXT NOT NULL,
  secret TEXT,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The token pair is sealed and moves with its version, in one statement.
CREATE TABLE accounts (
  id TEXT PRIMARY KEY CHECK (id GLOB 'acc_*'),
  client_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  x_user_id TEXT NOT NULL UNIQUE,
  username TEXT NOT NULL,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL CHECK (json_type(scopes) = 'array'),
  state TEXT NOT NULL CHECK (state IN ('connected', 'reconnect_required', 'disconnected')),
  token TEXT,
  token_version INTEGER NOT NULL CHECK (token_version >= 0),
  token_expires_at INTEGER,
  metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX accounts_by_client ON accounts (client_id, id);

-- Whose an X user is, over all databases: kept in the first one alone, written before the account.
CREATE TABLE x_users (
  x_user_id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  client_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A connect under way, found by the hash of its state and deleted by its first use.
CREATE TABLE oauth_states (
  state_hash TEXT PRIMARY KEY,
  client_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  verifier TEXT NOT NULL,
  scopes TEXT NOT NULL CHECK (json_type(scopes) = 'array'),
  return_url TEXT NOT NULL,
  metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata)),
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
