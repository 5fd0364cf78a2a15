-- A delivery that comes while the gate of its receiver is shut is due when that opens: nobody looks at its lane before.
DROP TRIGGER jobs_queue_delivery;

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
