-- Events find their way to those who want them, in the transaction that makes what they tell of, however it comes about.
CREATE TABLE endpoints (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'whe_*'),
  -- NULL: nothing is sent, its events are only kept to be read.
  url TEXT,
  -- Types, or patterns such as "job.*".
  events TEXT NOT NULL CHECK (json_type(events) = 'array'),
  account_ids TEXT CHECK (account_ids IS NULL OR json_type(account_ids) = 'array'),
  description TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('enabled', 'disabled')),
  -- Why it is disabled: somebody asked, it said 410, or it failed for days.
  disabled_reason TEXT CHECK (disabled_reason IN ('asked', 'gone', 'failing')),
  -- Sealed. The old one signs too until its time is over.
  secret TEXT NOT NULL,
  old_secret TEXT,
  old_secret_until INTEGER,
  -- Since when nothing got through; NULL while all is well.
  failing_since INTEGER,
  warned_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (client_id, id),
  CHECK ((state = 'disabled') = (disabled_reason IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- The secret that signs what goes to the callback URLs of a client's jobs, sealed.
ALTER TABLE clients ADD COLUMN webhook_secret TEXT;
ALTER TABLE clients ADD COLUMN old_webhook_secret TEXT;
ALTER TABLE clients ADD COLUMN old_webhook_secret_until INTEGER;

ALTER TABLE jobs ADD COLUMN callback_url TEXT;

-- What an event is about, and the time in its id: that of the client's last event or later, so that they sort as they were
-- written, and whoever reads on from an id misses none.
ALTER TABLE events ADD COLUMN subject TEXT;
ALTER TABLE events ADD COLUMN tick INTEGER NOT NULL DEFAULT 0;

-- A job has ended, or is parked. Told if somebody wants to hear of it; of a parked one always, for a person must act.
-- Refreshes and deliveries are housekeeping: what matters of them is told otherwise.
CREATE TRIGGER jobs_tell_end AFTER UPDATE OF state ON jobs
WHEN (NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL OR NEW.state = 'unknown' AND NEW.open IS NULL AND OLD.open = 1)
 AND (NEW.kind NOT IN ('token.refresh', 'webhook.deliver') OR NEW.callback_url IS NOT NULL)
 AND (NEW.state = 'unknown' OR NEW.callback_url IS NOT NULL OR EXISTS (
       SELECT 1 FROM endpoints AS e WHERE e.client_id = NEW.client_id
          AND EXISTS (SELECT 1 FROM json_each(e.events) AS p WHERE 'job.' || NEW.state GLOB p.value)
          AND (e.account_ids IS NULL OR EXISTS (SELECT 1 FROM json_each(e.account_ids) AS a WHERE a.value = NEW.account_id))))
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
         'job.' || NEW.state, NEW.account_id, NEW.id,
         json_object(
        'client_id', NEW.client_id, 'id', NEW.id, 'kind', NEW.kind, 'account_id', NEW.account_id,
        'batch_id', NEW.batch_id, 'lane', NEW.lane, 'ordered', NEW.ordered, 'state', NEW.state, 'open', NEW.open,
        'due_at', NEW.due_at, 'run_at', NEW.run_at, 'next_attempt_at', NEW.next_attempt_at,
        'expires_at', NEW.expires_at, 'attempts', NEW.attempts, 'max_attempts', NEW.max_attempts,
        'cancel_requested', NEW.cancel_requested, 'sequence', NEW.sequence, 'result', NEW.result, 'error', NEW.error,
        'log', NEW.log, 'metadata', NEW.metadata, 'callback_url', NEW.callback_url, 'awaits', NEW.awaits, 'warnings', NEW.warnings, 'cost_estimated', NEW.cost_estimated,
        'cost_actual', NEW.cost_actual, 'created_at', NEW.created_at,
        'started_at', NEW.started_at, 'finished_at', NEW.finished_at),
         at, t
    FROM (SELECT at, max(at, coalesce((SELECT last.tick + 1 FROM events AS last WHERE last.client_id = NEW.client_id
                                        ORDER BY last.id DESC LIMIT 1), 0)) AS t
            FROM (SELECT coalesce(NEW.finished_at, NEW.log ->> '$[#-1].at', NEW.due_at) AS at));
END;

-- An event becomes a delivery to each endpoint that wants it, and to the callback URL of its job. A delivery's id follows
-- from the event's and the endpoint's, so that all of an event stand together and one can be found without an index.
CREATE TRIGGER events_deliver AFTER INSERT ON events
BEGIN
  INSERT INTO jobs (client_id, id, kind, account_id, lane, ordered, state, open, due_at, expires_at, max_attempts, params,
                    created_at)
  SELECT NEW.client_id, 'job_' || substr(NEW.id, 5, 17) || target.tag || substr(NEW.id, -1), 'webhook.deliver',
         coalesce(NEW.account_id, ''),
         -- A lane is one delivery at a time: an endpoint has 16, and what is about one thing stays in one of them.
         'webhook:' || NEW.client_id || ':' || target.name || '/'
           || ((unicode(substr(NEW.subject, -2, 1)) + 7 * unicode(substr(NEW.subject, -3, 1))) % 16)
           || ':' || substr(NEW.id, -1),
         0, 'queued', 1, NEW.created_at, NEW.created_at + 604800000, 8,
         json_object('account_id', coalesce(NEW.account_id, ''), 'event_id', NEW.id, 'endpoint_id', target.endpoint_id,
                     'callback_url', target.url),
         NEW.created_at
    FROM (SELECT e.id AS name, substr(e.id, 15, 5) AS tag, e.id AS endpoint_id, NULL AS url FROM endpoints AS e
           WHERE e.client_id = NEW.client_id AND e.state = 'enabled' AND e.url IS NOT NULL
             AND CASE NEW.type WHEN 'endpoint.test' THEN e.id = NEW.subject
                 ELSE EXISTS (SELECT 1 FROM json_each(e.events) AS p WHERE NEW.type GLOB p.value)
                      AND (e.account_ids IS NULL
                           OR EXISTS (SELECT 1 FROM json_each(e.account_ids) AS a WHERE a.value = NEW.account_id)) END
          UNION ALL
          SELECT substr(j.callback_url, instr(j.callback_url, '//') + 2,
                        instr(substr(j.callback_url, instr(j.callback_url, '//') + 2) || '/', '/') - 1),
                 'callb', NULL, j.callback_url
            FROM jobs AS j WHERE j.client_id = NEW.client_id AND j.id = NEW.subject AND j.callback_url IS NOT NULL) AS target
   WHERE true
      ON CONFLICT (client_id, id) DO NOTHING;
END;

-- A delivery's lane has something to do. Behind the gate of its endpoint, which all of its lanes share.
CREATE TRIGGER jobs_queue_delivery AFTER INSERT ON jobs WHEN NEW.kind = 'webhook.deliver'
BEGIN
  INSERT INTO lanes (lane, client_id, account_id, app_id, gates, next_at)
  VALUES (NEW.lane, NEW.client_id, NEW.account_id, '', json_array(substr(NEW.lane, 1, instr(NEW.lane, '/') - 1)), NEW.due_at)
      ON CONFLICT (lane) DO UPDATE SET next_at = excluded.next_at
   WHERE lanes.next_at IS NULL OR excluded.next_at < lanes.next_at;
END;
