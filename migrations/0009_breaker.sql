-- What a circuit breaker of a part of X (`x:tweets`) needs. How many of its faults count now, the one lane that may try it while
-- it is shut, and when it last shut for a fault.
ALTER TABLE gates ADD COLUMN faults INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gates ADD COLUMN probe TEXT;
ALTER TABLE gates ADD COLUMN shut_at INTEGER;
