-- What the holder of a lane has counted of its jobs and not yet added to the tallies is found when it dies.
-- A claim takes it along on the job's row; where nothing was claimed it stands on the lane's. While nobody dies nothing more is written.
ALTER TABLE jobs ADD COLUMN carried TEXT CHECK (carried IS NULL OR json_type(carried) = 'object');
ALTER TABLE lanes ADD COLUMN carried TEXT CHECK (carried IS NULL OR json_type(carried) = 'object');

-- A run that its Worker did not survive. Its claim knew more than the lane did.
CREATE TRIGGER jobs_tally_crash AFTER UPDATE OF crashes ON jobs WHEN NEW.crashes > OLD.crashes
BEGIN
  UPDATE lanes SET carried = NULL WHERE lane = NEW.lane AND carried IS NOT NULL;
  INSERT OR IGNORE INTO tallies (name, counts) VALUES ('jobs', '{}');
  UPDATE tallies
     SET counts = (SELECT json_group_object(key, total) FROM (
                     SELECT key, sum(value) AS total FROM (
                       SELECT key, value FROM json_each(tallies.counts)
                        UNION ALL SELECT key, value FROM json_each(coalesce(OLD.carried, '{}'))
                        UNION ALL SELECT 'outcomes|' || NEW.kind || '|crashed', 1)
                      GROUP BY key))
   WHERE name = 'jobs';
END;

-- A lane that is taken from a Worker that died between two jobs.
CREATE TRIGGER lanes_tally_taken AFTER UPDATE OF lease ON lanes
WHEN OLD.carried IS NOT NULL AND NEW.lease IS NOT NULL AND NEW.lease IS NOT OLD.lease
BEGIN
  INSERT OR IGNORE INTO tallies (name, counts) VALUES ('jobs', '{}');
  UPDATE tallies
     SET counts = (SELECT json_group_object(key, total) FROM (
                     SELECT key, sum(value) AS total FROM (
                       SELECT key, value FROM json_each(tallies.counts)
                        UNION ALL SELECT key, value FROM json_each(OLD.carried))
                      GROUP BY key))
   WHERE name = 'jobs';
END;
