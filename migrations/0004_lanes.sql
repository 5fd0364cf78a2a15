-- Jobs that must take turns share a lane; a gate says why lanes do not run now.
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
  window TEXT CHECK (window IS NULL OR json_valid(window)),
  CHECK ((lease IS NULL) = (leased_until IS NULL))
) STRICT, WITHOUT ROWID;

-- What the clock scans.
CREATE INDEX lanes_by_next_at ON lanes (next_at, lane) WHERE next_at IS NOT NULL;

-- A gate without a row is open.
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
