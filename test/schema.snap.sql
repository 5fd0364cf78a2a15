CREATE TABLE "accounts" (
  id TEXT PRIMARY KEY CHECK (id GLOB 'acc_*'),
  client_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  x_user_id TEXT NOT NULL,
  username TEXT NOT NULL,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL CHECK (json_type(scopes) = 'array'),
  state TEXT NOT NULL CHECK (state IN ('connected', 'reconnect_required', 'disconnected')),
  -- The sealed pair. It moves with its version, in one statement.
  token TEXT,
  token_version INTEGER NOT NULL CHECK (token_version >= 0),
  token_expires_at INTEGER,
  token_issued_at INTEGER NOT NULL,
  -- A token fresh from connecting that X refuses gets its one refresh; one that a refresh just brought does not.
  token_origin TEXT NOT NULL CHECK (token_origin IN ('connect', 'refresh')),
  -- When the clock asks for a refresh; NULL when there is nothing to refresh with.
  refresh_at INTEGER,
  metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
, paused_at INTEGER, daily_cap INTEGER CHECK (daily_cap >= 0)) STRICT, WITHOUT ROWID;

CREATE INDEX accounts_by_client ON accounts (client_id, id);

CREATE INDEX accounts_by_refresh_at ON accounts (refresh_at, id) WHERE refresh_at IS NOT NULL;

CREATE INDEX accounts_to_reconnect ON accounts (client_id, id) WHERE state = 'reconnect_required';

CREATE TABLE allowances (
  -- That of the gate which closes when it is used up: app:{app}:{endpoint}, spend:{client} or spend:{account}.
  name TEXT PRIMARY KEY,
  -- Calls, or micro-USD a day. NULL: as configured, until X says otherwise.
  "limit" INTEGER CHECK ("limit" >= 0),
  used INTEGER NOT NULL DEFAULT 0 CHECK (used >= 0),
  -- What was taken from here on is in `used`.
  since INTEGER NOT NULL,
  -- What was taken from here on may be for the next window.
  late_from INTEGER NOT NULL,
  late INTEGER NOT NULL DEFAULT 0 CHECK (late >= 0),
  resets_at INTEGER NOT NULL,
  -- Who took last, when, how much for each lane (JSON), and whether it was too little for one of them.
  lease TEXT,
  taken_at INTEGER,
  taken TEXT NOT NULL DEFAULT '{}' CHECK (json_type(taken) = 'object'),
  short INTEGER NOT NULL DEFAULT 0 CHECK (short IN (0, 1))
, lent INTEGER NOT NULL DEFAULT 0 CHECK (lent IN (0, 1)), seen INTEGER NOT NULL DEFAULT 0 CHECK (seen >= 0)) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY CHECK (id GLOB 'key_*'),
  client_id TEXT NOT NULL REFERENCES clients (id),
  hash TEXT NOT NULL,
  scopes TEXT NOT NULL CHECK (json_type(scopes) = 'array'),
  account_ids TEXT CHECK (account_ids IS NULL OR json_type(account_ids) = 'array'),
  expires_at INTEGER,
  last_used_at INTEGER,
  created_at INTEGER NOT NULL
, revoked_at INTEGER) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_by_client ON api_keys (client_id, id);

CREATE TABLE apps (
  id TEXT PRIMARY KEY CHECK (id GLOB 'app_*'),
  client_id TEXT,
  x_client_id TEXT NOT NULL,
  secret TEXT,
  created_at INTEGER NOT NULL
, name TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;

CREATE INDEX apps_by_client ON apps (client_id, id);

CREATE TABLE audit (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'aud_*'),
  -- The id of the key or session that asked, or 'admin'.
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL CHECK (json_valid(detail)),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (client_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE batch_parts (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'bat_*'),
  taken_at INTEGER NOT NULL,
  -- The last of its jobs, by id, that is open. NULL: all have ended, and `counts` says how.
  last_open TEXT,
  counts TEXT CHECK (counts IS NULL OR json_type(counts) = 'array'),
  -- 1: the batch was told that this part has ended.
  told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),
  PRIMARY KEY (client_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX batch_parts_untold ON batch_parts (client_id, id) WHERE told = 0;

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

CREATE TABLE batches (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'bat_*'),
  account_ids TEXT NOT NULL CHECK (json_type(account_ids) = 'array'),
  accepted INTEGER NOT NULL CHECK (accepted >= 0),
  rejected INTEGER NOT NULL CHECK (rejected >= 0),
  -- What was wrong with the items that were not taken, as far as it fits.
  rejections TEXT NOT NULL CHECK (json_type(rejections) = 'array'),
  -- How many of its jobs carry which warning.
  warnings TEXT NOT NULL CHECK (json_type(warnings) = 'object'),
  -- The databases that have jobs of it, a character each, and those where not all have ended.
  shards TEXT NOT NULL,
  open_shards TEXT NOT NULL,
  sequence INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  -- Once its jobs are written on every database.
  taken_at INTEGER,
  finished_at INTEGER, counts_elsewhere TEXT CHECK (counts_elsewhere IS NULL OR json_valid(counts_elsewhere)),
  PRIMARY KEY (client_id, id),
  CHECK (finished_at IS NULL OR open_shards = '')
) STRICT, WITHOUT ROWID;

CREATE TABLE chunks (
  upload_id TEXT NOT NULL,
  start INTEGER NOT NULL CHECK (start >= 0),
  size_bytes INTEGER NOT NULL CHECK (size_bytes > 0),
  writer TEXT NOT NULL,
  PRIMARY KEY (upload_id, start)
) STRICT, WITHOUT ROWID;

CREATE TABLE clients (
  id TEXT PRIMARY KEY CHECK (id GLOB 'cli_*'),
  name TEXT NOT NULL,
  return_urls TEXT NOT NULL DEFAULT '[]' CHECK (json_type(return_urls) = 'array'),
  created_at INTEGER NOT NULL
, webhook_secret TEXT, old_webhook_secret TEXT, old_webhook_secret_until INTEGER, daily_cap INTEGER CHECK (daily_cap >= 0)) STRICT, WITHOUT ROWID;

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

CREATE TABLE events (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'evt_*'),
  type TEXT NOT NULL,
  account_id TEXT,
  data TEXT NOT NULL CHECK (json_valid(data)),
  created_at INTEGER NOT NULL, subject TEXT, tick INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (client_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE gates (
  name TEXT PRIMARY KEY,
  open_at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  failures INTEGER NOT NULL DEFAULT 0,
  "limit" INTEGER,
  remaining INTEGER,
  resets_at INTEGER,
  updated_at INTEGER NOT NULL
, faults INTEGER NOT NULL DEFAULT 0, probe TEXT, shut_at INTEGER, held_by TEXT) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
  client_id TEXT NOT NULL,
  key TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  job_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (client_id, key)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER jobs_queue_delivery AFTER INSERT ON jobs WHEN NEW.kind = 'webhook.deliver'
BEGIN
  INSERT INTO lanes (lane, client_id, account_id, app_id, gates, next_at)
  SELECT NEW.lane, NEW.client_id, NEW.account_id, '', json_array(receiver),
         min(NEW.expires_at, max(NEW.due_at, coalesce((SELECT open_at FROM gates WHERE name = receiver), 0)))
    FROM (SELECT substr(NEW.lane, 1, instr(NEW.lane, '/') - 1) AS receiver)
   WHERE true
      ON CONFLICT (lane) DO UPDATE SET next_at = excluded.next_at
   WHERE lanes.next_at IS NULL OR excluded.next_at < lanes.next_at;
END;

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

CREATE TRIGGER jobs_tally_end AFTER UPDATE OF state ON jobs
WHEN NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL AND (OLD.state <> 'running' OR NEW.crashes > OLD.crashes OR NEW.state = 'canceled')
BEGIN
  INSERT INTO tallies (name, counts)
  VALUES ('jobs', json_object('ended|' || NEW.kind || '|' || NEW.state, 1))
      ON CONFLICT (name) DO UPDATE
     SET counts = json_set(counts, '$."ended|' || NEW.kind || '|' || NEW.state || '"',
                           coalesce(counts ->> ('$."ended|' || NEW.kind || '|' || NEW.state || '"'), 0) + 1);
END;

CREATE TRIGGER jobs_tally_own AFTER INSERT ON jobs WHEN NEW.kind IN ('media.upload', 'token.refresh')
BEGIN
  INSERT INTO tallies (name, counts) VALUES ('jobs', json_object('accepted|' || NEW.kind, 1))
      ON CONFLICT (name) DO UPDATE
     SET counts = json_set(counts, '$."accepted|' || NEW.kind || '"',
                           coalesce(counts ->> ('$."accepted|' || NEW.kind || '"'), 0) + 1);
END;

CREATE TRIGGER jobs_tally_redrive AFTER UPDATE OF state ON jobs
WHEN NEW.finished_at IS NULL AND OLD.finished_at IS NOT NULL
BEGIN
  INSERT INTO tallies (name, counts) VALUES ('jobs', json_object('redriven|' || NEW.kind, 1))
      ON CONFLICT (name) DO UPDATE
     SET counts = json_set(counts, '$."redriven|' || NEW.kind || '"',
                           coalesce(counts ->> ('$."redriven|' || NEW.kind || '"'), 0) + 1);
END;

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

CREATE TABLE jobs (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'job_*'),
  kind TEXT NOT NULL,
  account_id TEXT NOT NULL,
  batch_id TEXT,
  lane TEXT NOT NULL,
  -- 1: keeps its place while it backs off; 0: goes to the end of the line.
  ordered INTEGER NOT NULL CHECK (ordered IN (0, 1)),
  state TEXT NOT NULL
    CHECK (state IN ('queued', 'running', 'waiting', 'unknown', 'succeeded', 'failed', 'dead', 'canceled')),
  -- 1 until the job is final or parked, then NULL, so that the one scheduling index holds open jobs alone.
  open INTEGER CHECK (open = 1),
  due_at INTEGER NOT NULL,
  run_at INTEGER,
  next_attempt_at INTEGER,
  expires_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  max_attempts INTEGER NOT NULL CHECK (max_attempts >= 1),
  crashes INTEGER NOT NULL DEFAULT 0,
  -- May X have acted? 0 no, 1 in this claim, 2 unclear: then it is looked for, never repeated.
  maybe_sent INTEGER NOT NULL DEFAULT 0 CHECK (maybe_sent IN (0, 1, 2)),
  lease TEXT,
  cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
  sequence INTEGER NOT NULL DEFAULT 1,
  params TEXT NOT NULL CHECK (json_valid(params)),
  checkpoint TEXT CHECK (checkpoint IS NULL OR json_valid(checkpoint)),
  result TEXT CHECK (result IS NULL OR json_valid(result)),
  error TEXT CHECK (error IS NULL OR json_valid(error)),
  log TEXT NOT NULL DEFAULT '[]' CHECK (json_type(log) = 'array'),
  metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata)),
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER, sent_at INTEGER, newest_before TEXT, looks INTEGER NOT NULL DEFAULT 0, losses INTEGER NOT NULL DEFAULT 0, awaits TEXT, cost_estimated INTEGER NOT NULL DEFAULT 0 CHECK (cost_estimated >= 0), cost_actual INTEGER NOT NULL DEFAULT 0 CHECK (cost_actual >= 0), warnings TEXT CHECK (warnings IS NULL OR json_type(warnings) = 'array'), callback_url TEXT, carried TEXT CHECK (carried IS NULL OR json_type(carried) = 'object'),
  PRIMARY KEY (client_id, id),
  CHECK ((state = 'running') = (lease IS NOT NULL)),
  CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'dead', 'canceled'))),
  CHECK (state = 'unknown' OR (open IS NULL) = (finished_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX jobs_by_awaits ON jobs (account_id, awaits) WHERE awaits IS NOT NULL;

CREATE INDEX jobs_dead ON jobs (client_id, id) WHERE state = 'dead';

CREATE INDEX jobs_open_by_lane ON jobs (lane, due_at, id) WHERE open = 1;

CREATE INDEX jobs_parked ON jobs (client_id, id) WHERE state = 'unknown' AND open IS NULL;

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

CREATE TABLE lanes (
  lane TEXT PRIMARY KEY,
  client_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  -- The names of the gates that must be open for this lane to run.
  gates TEXT NOT NULL CHECK (json_type(gates) = 'array'),
  -- When the lane next has something to do: may be early, never late. NULL: nothing.
  next_at INTEGER,
  lease TEXT,
  leased_until INTEGER,
  -- What X's headers said last of this lane's window: {limit, remaining, resets_at}.
  window TEXT CHECK (window IS NULL OR json_valid(window)), newest TEXT, calls INTEGER, money INTEGER, served_at INTEGER NOT NULL DEFAULT 0, carried TEXT CHECK (carried IS NULL OR json_type(carried) = 'object'),
  CHECK ((lease IS NULL) = (leased_until IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX lanes_by_next_at ON lanes (next_at, lane) WHERE next_at IS NOT NULL;

CREATE TABLE media_bindings (
  account_id TEXT NOT NULL,
  media_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  job_id TEXT NOT NULL,
  x_media_id TEXT,
  x_expires_at INTEGER,
  PRIMARY KEY (account_id, media_id),
  CHECK ((x_media_id IS NULL) = (x_expires_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE media_uses (
  media_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  job_id TEXT NOT NULL,
  PRIMARY KEY (media_id, client_id, job_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE oauth_states (
  state_hash TEXT PRIMARY KEY,
  client_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  verifier TEXT NOT NULL,
  scopes TEXT NOT NULL CHECK (json_type(scopes) = 'array'),
  return_url TEXT NOT NULL,
  metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata)),
  expires_at INTEGER NOT NULL
, actor TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;

CREATE TABLE schedules (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'sch_*'),
  account_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  params TEXT NOT NULL CHECK (json_valid(params)),
  cron TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  -- What becomes of times that nobody was there for.
  catch_up TEXT NOT NULL CHECK (catch_up IN ('skip', 'once')),
  any_order INTEGER NOT NULL CHECK (any_order IN (0, 1)),
  max_attempts INTEGER,
  expires_after_ms INTEGER,
  metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata)),
  callback_url TEXT,
  -- NULL while it is paused, or when no time will come.
  next_at INTEGER,
  paused_at INTEGER,
  fired INTEGER NOT NULL DEFAULT 0,
  last_at INTEGER,
  last_job_id TEXT,
  skipped INTEGER NOT NULL DEFAULT 0,
  -- The first and the last of the times that were skipped together last.
  skipped_from INTEGER,
  skipped_to INTEGER,
  sequence INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (client_id, id),
  CHECK (paused_at IS NULL OR next_at IS NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX schedules_by_next_at ON schedules (next_at, id) WHERE next_at IS NOT NULL;

CREATE TABLE tallies (
  name TEXT PRIMARY KEY,
  -- By key, ever growing: what it is, then its labels, with | between them.
  counts TEXT NOT NULL CHECK (json_type(counts) = 'object')
) STRICT, WITHOUT ROWID;

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

CREATE TABLE uploads (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id GLOB 'med_*'),
  account_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('receiving', 'received', 'failed')),
  -- NULL while nobody knows: of what we fetch ourselves.
  size_bytes INTEGER CHECK (size_bytes > 0),
  bytes_received INTEGER NOT NULL DEFAULT 0 CHECK (bytes_received BETWEEN 0 AND coalesce(size_bytes, bytes_received)),
  -- Whoever asked last how far it has come, or began to send: the only one whose bytes count.
  writer TEXT,
  -- later: sent to X when a tweet needs it.
  send TEXT NOT NULL CHECK (send IN ('now', 'later')),
  -- What the client said of it, also what we have no use for.
  metadata TEXT NOT NULL CHECK (json_type(metadata) = 'object'),
  source_url TEXT,
  -- As the client named it, then as its bytes say.
  media_type TEXT,
  media_category TEXT,
  alt_text TEXT,
  error TEXT CHECK (error IS NULL OR json_valid(error)),
  created_at INTEGER NOT NULL,
  received_at INTEGER,
  -- When its bytes may go, unless a job needs them.
  expires_at INTEGER NOT NULL,
  cleared_at INTEGER,
  PRIMARY KEY (client_id, id),
  CHECK ((state = 'failed') = (error IS NOT NULL)),
  CHECK (state <> 'received' OR (bytes_received = size_bytes AND received_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX uploads_by_expires_at ON uploads (expires_at, id);

CREATE TABLE usage (
  client_id TEXT NOT NULL,
  -- The beginning of a day in UTC.
  day INTEGER NOT NULL CHECK (day % 86400000 = 0),
  account_id TEXT NOT NULL,
  succeeded INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  dead INTEGER NOT NULL DEFAULT 0,
  -- Tweets and users that X returned, and billed.
  reads INTEGER NOT NULL DEFAULT 0,
  cost INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (client_id, day, account_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE x_users (
  x_user_id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  client_id TEXT NOT NULL
, released INTEGER NOT NULL DEFAULT 0 CHECK (released IN (0, 1))) STRICT, WITHOUT ROWID;
