-- What happened, for those who want to be told, and who changed what. Both stand on the database of the thing they are about.
CREATE TABLE events (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'evt_*'),
  type TEXT NOT NULL,
  account_id TEXT,
  data TEXT NOT NULL CHECK (json_valid(data)),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (client_id, id)
) STRICT, WITHOUT ROWID;

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
