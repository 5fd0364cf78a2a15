-- A batch knows when it has ended without counting its jobs at each ending; each database where it has jobs keeps its part.
DROP TABLE batches;
CREATE TABLE batches (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'bat_*'),
  account_ids TEXT NOT NULL CHECK (json_type(account_ids) = 'array'),
  accepted INTEGER NOT NULL CHECK (accepted >= 0),
  rejected INTEGER NOT NULL CHECK (rejected >= 0),
  -- What was wrong with the items that were not taken, as far as it fits.
  rejections TEXT NOT NULL CHECK (json_type(rejections) = 'array'),
  -- How many of its jobs carry which warning.
  warnings TEXT NOT NULL CHECK (json_type(warnings) = 'object'),
  -- The databases that have jobs of it, a character each, and those where not all have ended.
  shards TEXT NOT NULL,
  open_shards TEXT NOT NULL,
  sequence INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  -- Once its jobs are written on every database.
  taken_at INTEGER,
  finished_at INTEGER,
  PRIMARY KEY (client_id, id),
  CHECK (finished_at IS NULL OR open_shards = '')
) STRICT, WITHOUT ROWID;

CREATE TABLE batch_parts (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'bat_*'),
  taken_at INTEGER NOT NULL,
  -- The last of its jobs, by id, that is open. NULL: all have ended, and `counts` says how.
  last_open TEXT,
  counts TEXT CHECK (counts IS NULL OR json_type(counts) = 'array'),
  -- 1: the batch was told that this part has ended.
  told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),
  PRIMARY KEY (client_id, id)
) STRICT, WITHOUT ROWID;

-- What the clock looks through for endings that nobody told of.
CREATE INDEX batch_parts_untold ON batch_parts (client_id, id) WHERE told = 0;

-- What was known only when the job was taken, such as a tweet of its batch with the same text.
ALTER TABLE jobs ADD COLUMN warnings TEXT CHECK (warnings IS NULL OR json_type(warnings) = 'array');

-- Since when an account's user wants nothing posted. It outlives whatever else its gate says.
ALTER TABLE accounts ADD COLUMN paused_at INTEGER;
