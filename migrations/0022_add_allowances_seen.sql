-- What X has counted of an app's day, as far as it said: others may use the app, too, and what we give back must not hide that.
ALTER TABLE allowances ADD COLUMN seen INTEGER NOT NULL DEFAULT 0 CHECK (seen >= 0);
