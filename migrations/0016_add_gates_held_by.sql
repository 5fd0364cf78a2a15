-- A job that stops short of its end may hold what its account would post behind it: the gate says which job does.
-- Lanes of tweets that are there already wait for that gate too.
ALTER TABLE gates ADD COLUMN held_by TEXT;

UPDATE lanes SET gates = json_insert(gates, '$[#]', 'thread:' || account_id) WHERE lane GLOB 'tweets:*';
