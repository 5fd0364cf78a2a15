-- Media that clients hand over in pieces: how far each has come, where its pieces stand, who may not lose them, and its id at X for each account.
CREATE TABLE uploads (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'med_*'),
  account_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('receiving', 'received', 'failed')),
  -- NULL while nobody knows: of what we fetch ourselves.
  size_bytes INTEGER CHECK (size_bytes > 0),
  bytes_received INTEGER NOT NULL DEFAULT 0 CHECK (bytes_received BETWEEN 0 AND coalesce(size_bytes, bytes_received)),
  -- Whoever asked last how far it has come, or began to send: the only one whose bytes count.
  writer TEXT,
  -- later: sent to X when a tweet needs it.
  send TEXT NOT NULL CHECK (send IN ('now', 'later')),
  -- What the client said of it, also what we have no use for.
  metadata TEXT NOT NULL CHECK (json_type(metadata) = 'object'),
  source_url TEXT,
  -- As the client named it, then as its bytes say.
  media_type TEXT,
  media_category TEXT,
  alt_text TEXT,
  error TEXT CHECK (error IS NULL OR json_valid(error)),
  created_at INTEGER NOT NULL,
  received_at INTEGER,
  -- When its bytes may go, unless a job needs them.
  expires_at INTEGER NOT NULL,
  cleared_at INTEGER,
  PRIMARY KEY (client_id, id),
  CHECK ((state = 'failed') = (error IS NOT NULL)),
  CHECK (state <> 'received' OR (bytes_received = size_bytes AND received_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- What prune scans.
CREATE INDEX uploads_by_expires_at ON uploads (expires_at, id);

-- A piece of an upload: the R2 object `uploads/{upload_id}/{start}.{writer}`.
CREATE TABLE chunks (
  upload_id TEXT NOT NULL,
  start INTEGER NOT NULL CHECK (start >= 0),
  size_bytes INTEGER NOT NULL CHECK (size_bytes > 0),
  writer TEXT NOT NULL,
  PRIMARY KEY (upload_id, start)
) STRICT, WITHOUT ROWID;

-- What X calls a medium that an account has sent it, and the job that sends it. On the account's database.
CREATE TABLE media_bindings (
  account_id TEXT NOT NULL,
  media_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  job_id TEXT NOT NULL,
  x_media_id TEXT,
  x_expires_at INTEGER,
  PRIMARY KEY (account_id, media_id),
  CHECK ((x_media_id IS NULL) = (x_expires_at IS NULL))
) STRICT, WITHOUT ROWID;

-- Which jobs need the bytes of a medium. On the database of the jobs.
CREATE TABLE media_uses (
  media_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  job_id TEXT NOT NULL,
  PRIMARY KEY (media_id, client_id, job_id)
) STRICT, WITHOUT ROWID;

-- The medium that a job has given up its place for.
ALTER TABLE jobs ADD COLUMN awaits TEXT;

CREATE INDEX jobs_by_awaits ON jobs (account_id, awaits) WHERE awaits IS NOT NULL;
