-- The tenants and the keys they call with. A key is stored as its hash; the account list narrows it.
CREATE TABLE clients (
  id TEXT PRIMARY KEY CHECK (id GLOB 'cli_*'),
  name TEXT NOT NULL,
  return_urls TEXT NOT NULL DEFAULT '[]' CHECK (json_type(return_urls) = 'array'),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY CHECK (id GLOB 'key_*'),
  client_id TEXT NOT NULL REFERENCES clients (id),
  hash TEXT NOT NULL,
  scopes TEXT NOT NULL CHECK (json_type(scopes) = 'array'),
  account_ids TEXT CHECK (account_ids IS NULL OR json_type(account_ids) = 'array'),
  expires_at INTEGER,
  last_used_at INTEGER,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
