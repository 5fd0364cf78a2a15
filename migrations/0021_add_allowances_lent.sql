-- A client's cap on money holds over all databases: its own one keeps it, and lends the others of it by the day.
ALTER TABLE allowances ADD COLUMN lent INTEGER NOT NULL DEFAULT 0 CHECK (lent IN (0, 1));
