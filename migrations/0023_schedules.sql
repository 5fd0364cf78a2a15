-- What comes again and again: each time makes a job, in the commit that moves the schedule on. It stands on its account's database.
CREATE TABLE schedules (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'sch_*'),
  account_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  params TEXT NOT NULL CHECK (json_valid(params)),
  cron TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  -- What becomes of times that nobody was there for.
  catch_up TEXT NOT NULL CHECK (catch_up IN ('skip', 'once')),
  any_order INTEGER NOT NULL CHECK (any_order IN (0, 1)),
  max_attempts INTEGER,
  expires_after_ms INTEGER,
  metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata)),
  callback_url TEXT,
  -- NULL while it is paused, or when no time will come.
  next_at INTEGER,
  paused_at INTEGER,
  fired INTEGER NOT NULL DEFAULT 0,
  last_at INTEGER,
  last_job_id TEXT,
  skipped INTEGER NOT NULL DEFAULT 0,
  -- The first and the last of the times that were skipped together last.
  skipped_from INTEGER,
  skipped_to INTEGER,
  sequence INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (client_id, id),
  CHECK (paused_at IS NULL OR next_at IS NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX schedules_by_next_at ON schedules (next_at, id) WHERE next_at IS NOT NULL;
