-- Dead jobs, and those that only a person can move, are found without looking at any other. A row is written when a job dies or
-- is parked, and when it leaves that state; no other job costs more.
CREATE INDEX jobs_dead ON jobs (client_id, id) WHERE state = 'dead';
CREATE INDEX jobs_parked ON jobs (client_id, id) WHERE state = 'unknown' AND open IS NULL;
