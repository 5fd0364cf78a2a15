-- What is told of a batch that has ended counts its jobs on every database: each part hands its counts over with its end.
ALTER TABLE batches ADD COLUMN counts_elsewhere TEXT CHECK (counts_elsewhere IS NULL OR json_valid(counts_elsewhere));

DROP TRIGGER batches_tell_end;
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
           'counts', json((
             SELECT json_group_array(json(c.value)) FROM (
               SELECT j.value FROM batch_parts AS part, json_each(part.counts) AS j
                WHERE part.client_id = NEW.client_id AND part.id = NEW.id
               UNION ALL
               SELECT j.value FROM json_each(coalesce(NEW.counts_elsewhere, '{}')) AS s, json_each(s.value) AS j) AS c))),
         at, t
    FROM (SELECT at, max(at, coalesce((SELECT last.tick + 1 FROM events AS last WHERE last.client_id = NEW.client_id
                                        ORDER BY last.id DESC LIMIT 1), 0)) AS t
            FROM (SELECT NEW.finished_at AS at));
END;
