-- A batch that has ended is told of, once, in the transaction that ends it; again if jobs of it were given a new life and ended.
CREATE TRIGGER batches_tell_end AFTER UPDATE OF finished_at ON batches
WHEN NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL
 AND EXISTS (SELECT 1 FROM endpoints AS e WHERE e.client_id = NEW.client_id AND e.account_ids IS NULL
                AND EXISTS (SELECT 1 FROM json_each(e.events) AS p WHERE 'batch.completed' GLOB p.value))
BEGIN
  INSERT INTO events (client_id, id, type, account_id, subject, data, created_at, tick)
  SELECT NEW.client_id,
         'evt_' || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (t >> 45 & 31) + 1, 1)
              || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (t >> 40 & 31) + 1, 1)
              || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (t >> 35 & 31) + 1, 1)
              || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (t >> 30 & 31) + 1, 1)
              || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (t >> 25 & 31) + 1, 1)
              || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (t >> 20 & 31) + 1, 1)
              || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (t >> 15 & 31) + 1, 1)
              || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (t >> 10 & 31) + 1, 1)
              || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (t >> 5 & 31) + 1, 1)
              || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (t >> 0 & 31) + 1, 1)
              || hex(randomblob(6)) || substr(NEW.id, -1),
         'batch.completed', NULL, NEW.id,
         json_object('batch', json_object(
           'client_id', NEW.client_id, 'id', NEW.id, 'account_ids', NEW.account_ids, 'accepted', NEW.accepted,
           'rejected', NEW.rejected, 'rejections', '[]', 'warnings', NEW.warnings, 'shards', NEW.shards,
           'open_shards', NEW.open_shards, 'sequence', NEW.sequence, 'created_at', NEW.created_at, 'taken_at', NEW.taken_at,
           'finished_at', NEW.finished_at),
           -- Jobs on other databases are counted there.
           'counts', CASE WHEN NEW.shards = substr(NEW.id, -1) THEN json((
             SELECT part.counts FROM batch_parts AS part WHERE part.client_id = NEW.client_id AND part.id = NEW.id)) END),
         at, t
    FROM (SELECT at, max(at, coalesce((SELECT last.tick + 1 FROM events AS last WHERE last.client_id = NEW.client_id
                                        ORDER BY last.id DESC LIMIT 1), 0)) AS t
            FROM (SELECT NEW.finished_at AS at));
END;
