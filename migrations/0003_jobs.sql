-- A job is a row; a queue message is only a wake-up. `kind` has no CHECK: a new kind must never need a migration.
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
  finished_at INTEGER,
  PRIMARY KEY (client_id, id),
  CHECK ((state = 'running') = (lease IS NOT NULL)),
  CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'dead', 'canceled'))),
  CHECK (state = 'unknown' OR (open IS NULL) = (finished_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX jobs_open_by_lane ON jobs (lane, due_at, id) WHERE open = 1;

-- The record of an Idempotency-Key, on the client's home database, written before the job it names.
CREATE TABLE idempotency_keys (
  client_id TEXT NOT NULL,
  key TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  job_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (client_id, key)
) STRICT, WITHOUT ROWID;

-- Jobs taken in one request. They share the batch id's body, so its progress is a range of the primary key of jobs.
CREATE TABLE batches (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'bat_*'),
  size INTEGER NOT NULL CHECK (size >= 0),
  counts TEXT CHECK (counts IS NULL OR json_valid(counts)),
  created_at INTEGER NOT NULL,
  finished_at INTEGER,
  PRIMARY KEY (client_id, id)
) STRICT, WITHOUT ROWID;
