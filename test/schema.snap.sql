CREATE TABLE "accounts" (
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

CREATE INDEX accounts_by_client ON accounts (client_id, id);

CREATE INDEX accounts_by_refresh_at ON accounts (refresh_at, id) WHERE refresh_at IS NOT NULL;

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY CHECK (id GLOB 'key_*'),
  client_id TEXT NOT NULL REFERENCES clients (id),
  hash TEXT NOT NULL,
  scopes TEXT NOT NULL CHECK (json_type(scopes) = 'array'),
  account_ids TEXT CHECK (account_ids IS NULL OR json_type(account_ids) = 'array'),
  expires_at INTEGER,
  last_used_at INTEGER,
  created_at INTEGER NOT NULL
, revoked_at INTEGER) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_by_client ON api_keys (client_id, id);

CREATE TABLE apps (
  id TEXT PRIMARY KEY CHECK (id GLOB 'app_*'),
  client_id TEXT,
  x_client_id TEXT NOT NULL,
  secret TEXT,
  created_at INTEGER NOT NULL
, name TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;

CREATE INDEX apps_by_client ON apps (client_id, id);

CREATE TABLE audit (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'aud_*'),
  -- The id of the key or session that asked, or 'admin'.
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL CHECK (json_valid(detail)),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (client_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE batches (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'bat_*'),
  size INTEGER NOT NULL CHECK (size >= 0),
  counts TEXT CHECK (counts IS NULL OR json_valid(counts)),
  created_at INTEGER NOT NULL,
  finished_at INTEGER,
  PRIMARY KEY (client_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE clients (
  id TEXT PRIMARY KEY CHECK (id GLOB 'cli_*'),
  name TEXT NOT NULL,
  return_urls TEXT NOT NULL DEFAULT '[]' CHECK (json_type(return_urls) = 'array'),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'evt_*'),
  type TEXT NOT NULL,
  account_id TEXT,
  data TEXT NOT NULL CHECK (json_valid(data)),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (client_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE gates (
  name TEXT PRIMARY KEY,
  open_at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  failures INTEGER NOT NULL DEFAULT 0,
  "limit" INTEGER,
  remaining INTEGER,
  resets_at INTEGER,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
  client_id TEXT NOT NULL,
  key TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  job_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (client_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'job_*'),
  kind TEXT NOT NULL,
  account_id TEXT NOT NULL,
  batch_id TEXT,
  lane TEXT NOT NULL,
  -- 1: keeps its place while it backs off; 0: goes to the end of the line.
  ordered INTEGER NOT NULL CHECK (ordered IN (0, 1)),
  state TEXT NOT NULL
    CHECK (state IN ('queued', 'running', 'waiting', 'unknown', 'succeeded', 'failed', 'dead', 'canceled')),
  -- 1 until the job is final or parked, then NULL, so that the one scheduling index holds open jobs alone.
  open INTEGER CHECK (open = 1),
  due_at INTEGER NOT NULL,
  run_at INTEGER,
  next_attempt_at INTEGER,
  expires_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  max_attempts INTEGER NOT NULL CHECK (max_attempts >= 1),
  crashes INTEGER NOT NULL DEFAULT 0,
  -- May X have acted? 0 no, 1 in this claim, 2 unclear: then it is looked for, never repeated.
  maybe_sent INTEGER NOT NULL DEFAULT 0 CHECK (maybe_sent IN (0, 1, 2)),
  lease TEXT,
  cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
  sequence INTEGER NOT NULL DEFAULT 1,
  params TEXT NOT NULL CHECK (json_valid(params)),
  checkpoint TEXT CHECK (checkpoint IS NULL OR json_valid(checkpoint)),
  result TEXT CHECK (result IS NULL OR json_valid(result)),
  error TEXT CHECK (error IS NULL OR json_valid(error)),
  log TEXT NOT NULL DEFAULT '[]' CHECK (json_type(log) = 'array'),
  metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata)),
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER, sent_at INTEGER, newest_before TEXT, looks INTEGER NOT NULL DEFAULT 0, losses INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (client_id, id),
  CHECK ((state = 'running') = (lease IS NOT NULL)),
  CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'dead', 'canceled'))),
  CHECK (state = 'unknown' OR (open IS NULL) = (finished_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX jobs_open_by_lane ON jobs (lane, due_at, id) WHERE open = 1;

CREATE TABLE lanes (
  lane TEXT PRIMARY KEY,
  client_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  -- The names of the gates that must be open for this lane to run.
  gates TEXT NOT NULL CHECK (json_type(gates) = 'array'),
  -- When the lane next has something to do: may be early, never late. NULL: nothing.
  next_at INTEGER,
  lease TEXT,
  leased_until INTEGER,
  -- What X's headers said last of this lane's window: {limit, remaining, resets_at}.
  window TEXT CHECK (window IS NULL OR json_valid(window)), newest TEXT,
  CHECK ((lease IS NULL) = (leased_until IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX lanes_by_next_at ON lanes (next_at, lane) WHERE next_at IS NOT NULL;

CREATE TABLE oauth_states (
  state_hash TEXT PRIMARY KEY,
  client_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  verifier TEXT NOT NULL,
  scopes TEXT NOT NULL CHECK (json_type(scopes) = 'array'),
  return_url TEXT NOT NULL,
  metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata)),
  expires_at INTEGER NOT NULL
, actor TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;

CREATE TABLE x_users (
  x_user_id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  client_id TEXT NOT NULL
, released INTEGER NOT NULL DEFAULT 0 CHECK (released IN (0, 1))) STRICT, WITHOUT ROWID;
