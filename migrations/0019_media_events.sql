-- A medium that X has, or never will, is told of in the transaction that ends its sending, or its receiving.
CREATE TRIGGER jobs_tell_medium AFTER UPDATE OF state ON jobs
WHEN NEW.kind = 'media.upload' AND NEW.state IN ('succeeded', 'failed', 'dead') AND OLD.finished_at IS NULL
 AND EXISTS (SELECT 1 FROM endpoints AS e WHERE e.client_id = NEW.client_id
        AND EXISTS (SELECT 1 FROM json_each(e.events) AS p WHERE iif(NEW.state = 'succeeded', 'media.ready', 'media.failed') GLOB p.value)
        AND (e.account_ids IS NULL OR EXISTS (SELECT 1 FROM json_each(e.account_ids) AS a WHERE a.value = NEW.account_id)))
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
         iif(NEW.state = 'succeeded', 'media.ready', 'media.failed'), NEW.account_id, NEW.params ->> 'media_id',
         json_object('media_id', NEW.params ->> 'media_id', 'account_id', NEW.account_id,
           'upload', (SELECT json_object(
           'id', u.id, 'account_id', u.account_id, 'state', u.state, 'size_bytes', u.size_bytes,
           'bytes_received', u.bytes_received, 'media_type', u.media_type, 'media_category', u.media_category, 'error', u.error,
           'created_at', u.created_at, 'expires_at', u.expires_at, 'cleared_at', u.cleared_at)
             FROM uploads AS u WHERE u.client_id = NEW.client_id AND u.id = NEW.params ->> 'media_id'),
           -- What an earlier job came to is no part of it.
           'bound', (SELECT json_object(
           'account_id', NEW.account_id, 'media_id', NEW.params ->> 'media_id', 'client_id', NEW.client_id, 'job_id', NEW.id,
           'x_media_id', b.x_media_id, 'x_expires_at', b.x_expires_at, 'state', NEW.state, 'open', NEW.open,
           'error', NEW.error, 'checkpoint', NEW.checkpoint, 'created_at', NEW.created_at)
             FROM (SELECT 1) LEFT JOIN media_bindings AS b
               ON NEW.state = 'succeeded' AND b.account_id = NEW.account_id AND b.media_id = NEW.params ->> 'media_id')),
         at, t
    FROM (SELECT at, max(at, coalesce((SELECT last.tick + 1 FROM events AS last WHERE last.client_id = NEW.client_id
                                        ORDER BY last.id DESC LIMIT 1), 0)) AS t
            FROM (SELECT NEW.finished_at AS at));
END;

-- Of what we fetch ourselves the job tells. What has failed is kept for a day: that says when.
CREATE TRIGGER uploads_tell_end AFTER UPDATE OF state ON uploads
WHEN NEW.state = 'failed' AND OLD.state = 'receiving' AND NEW.source_url IS NULL
 AND EXISTS (SELECT 1 FROM endpoints AS e WHERE e.client_id = NEW.client_id
        AND EXISTS (SELECT 1 FROM json_each(e.events) AS p WHERE 'media.failed' GLOB p.value)
        AND (e.account_ids IS NULL OR EXISTS (SELECT 1 FROM json_each(e.account_ids) AS a WHERE a.value = NEW.account_id)))
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
         'media.failed', NEW.account_id, NEW.id,
         json_object('media_id', NEW.id, 'account_id', NEW.account_id, 'bound', NULL, 'upload', json_object(
           'id', NEW.id, 'account_id', NEW.account_id, 'state', NEW.state, 'size_bytes', NEW.size_bytes,
           'bytes_received', NEW.bytes_received, 'media_type', NEW.media_type, 'media_category', NEW.media_category, 'error', NEW.error,
           'created_at', NEW.created_at, 'expires_at', NEW.expires_at, 'cleared_at', NEW.cleared_at)),
         at, t
    FROM (SELECT at, max(at, coalesce((SELECT last.tick + 1 FROM events AS last WHERE last.client_id = NEW.client_id
                                        ORDER BY last.id DESC LIMIT 1), 0)) AS t
            FROM (SELECT NEW.expires_at - 86400000 AS at));
END;
