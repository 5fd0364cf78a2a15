-- What is counted for whoever watches over all this: a row for the jobs and one for the producer, moved by commits that there are anyway.
CREATE TABLE tallies (
  name TEXT PRIMARY KEY,
  -- By key, ever growing: what it is, then its labels, with | between them.
  counts TEXT NOT NULL CHECK (json_type(counts) = 'object')
) STRICT, WITHOUT ROWID;

-- An end that no running job came to by itself: canceled, expired, buried by a rescue, resolved by a person. Those that did are
-- counted by the turn that ran them, a row for all of it.
CREATE TRIGGER jobs_tally_end AFTER UPDATE OF state ON jobs
WHEN NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL AND (OLD.state <> 'running' OR NEW.crashes > OLD.crashes OR NEW.state = 'canceled')
BEGIN
  INSERT INTO tallies (name, counts)
  VALUES ('jobs', json_object('ended|' || NEW.kind || '|' || NEW.state, 1))
      ON CONFLICT (name) DO UPDATE
     SET counts = json_set(counts, '$."ended|' || NEW.kind || '|' || NEW.state || '"',
                           coalesce(counts ->> ('$."ended|' || NEW.kind || '|' || NEW.state || '"'), 0) + 1);
END;

-- What had ended and goes on.
CREATE TRIGGER jobs_tally_redrive AFTER UPDATE OF state ON jobs
WHEN NEW.finished_at IS NULL AND OLD.finished_at IS NOT NULL
BEGIN
  INSERT INTO tallies (name, counts) VALUES ('jobs', json_object('redriven|' || NEW.kind, 1))
      ON CONFLICT (name) DO UPDATE
     SET counts = json_set(counts, '$."redriven|' || NEW.kind || '"',
                           coalesce(counts ->> ('$."redriven|' || NEW.kind || '"'), 0) + 1);
END;

-- What the engine makes itself, or may; what only clients hand over is counted by the commit that takes it.
CREATE TRIGGER jobs_tally_own AFTER INSERT ON jobs WHEN NEW.kind IN ('media.upload', 'token.refresh')
BEGIN
  INSERT INTO tallies (name, counts) VALUES ('jobs', json_object('accepted|' || NEW.kind, 1))
      ON CONFLICT (name) DO UPDATE
     SET counts = json_set(counts, '$."accepted|' || NEW.kind || '"',
                           coalesce(counts ->> ('$."accepted|' || NEW.kind || '"'), 0) + 1);
END;

CREATE INDEX accounts_to_reconnect ON accounts (client_id, id) WHERE state = 'reconnect_required';
