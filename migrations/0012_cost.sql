-- What a job is expected to cost and has cost at X, in micro-USD, and what each account came to on each day.
ALTER TABLE jobs ADD COLUMN cost_estimated INTEGER NOT NULL DEFAULT 0 CHECK (cost_estimated >= 0);
ALTER TABLE jobs ADD COLUMN cost_actual INTEGER NOT NULL DEFAULT 0 CHECK (cost_actual >= 0);

CREATE TABLE usage (
  client_id TEXT NOT NULL,
  -- The beginning of a day in UTC.
  day INTEGER NOT NULL CHECK (day % 86400000 = 0),
  account_id TEXT NOT NULL,
  succeeded INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  dead INTEGER NOT NULL DEFAULT 0,
  -- Tweets and users that X returned, and billed.
  reads INTEGER NOT NULL DEFAULT 0,
  cost INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (client_id, day, account_id)
) STRICT, WITHOUT ROWID;
