-- What may still be done at X: the 24 hours of X apps, and the caps on money of clients and accounts. Lanes take from them by the quantum.
CREATE TABLE allowances (
  -- That of the gate which closes when it is used up: app:{app}:{endpoint}, spend:{client} or spend:{account}.
  name TEXT PRIMARY KEY,
  -- Calls, or micro-USD a day. NULL: as configured, until X says otherwise.
  "limit" INTEGER CHECK ("limit" >= 0),
  used INTEGER NOT NULL DEFAULT 0 CHECK (used >= 0),
  -- What was taken from here on is in `used`.
  since INTEGER NOT NULL,
  -- What was taken from here on may be for the next window.
  late_from INTEGER NOT NULL,
  late INTEGER NOT NULL DEFAULT 0 CHECK (late >= 0),
  resets_at INTEGER NOT NULL,
  -- Who took last, when, how much for each lane (JSON), and whether it was too little for one of them.
  lease TEXT,
  taken_at INTEGER,
  taken TEXT NOT NULL DEFAULT '{}' CHECK (json_type(taken) = 'object'),
  short INTEGER NOT NULL DEFAULT 0 CHECK (short IN (0, 1))
) STRICT, WITHOUT ROWID;

-- What the holder of a lane may use under its lease; NULL: as much as it likes.
ALTER TABLE lanes ADD COLUMN calls INTEGER;
ALTER TABLE lanes ADD COLUMN money INTEGER;
-- When it last was given any: whoever waits longest comes first.
ALTER TABLE lanes ADD COLUMN served_at INTEGER NOT NULL DEFAULT 0;

UPDATE lanes SET gates = json_insert(gates, '$[#]', replace(gates ->> 3, 'window:' || account_id, 'app:' || app_id),
                                     '$[#]', 'spend:' || client_id, '$[#]', 'spend:' || account_id)
 WHERE json_array_length(gates) = 4;

ALTER TABLE clients ADD COLUMN daily_cap INTEGER CHECK (daily_cap >= 0);
ALTER TABLE accounts ADD COLUMN daily_cap INTEGER CHECK (daily_cap >= 0);
