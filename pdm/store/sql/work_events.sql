-- name: insert_work_event
-- Write down what was done to a machine; the same event again changes nothing and returns no row.
INSERT INTO work_event (machine_id, component_id, kind, occurred_at, finding, note, actor)
VALUES (%(machine_id)s, %(component_id)s, %(kind)s, %(occurred_at)s, %(finding)s, %(note)s, %(actor)s)
ON CONFLICT (machine_id, component_id, kind, occurred_at) DO NOTHING
RETURNING id;

-- name: fetch_work_event_id
-- The event that is stored already.
SELECT id, finding, note FROM work_event
WHERE machine_id = %(machine_id)s AND component_id IS NOT DISTINCT FROM %(component_id)s
  AND kind = %(kind)s AND occurred_at = %(occurred_at)s;

-- name: reconsider_from
-- A life ended here: what was concluded of later acquisitions is concluded anew.
UPDATE analysis_state SET dirty_from = least(dirty_from, %(occurred_at)s)
WHERE machine_id = %(machine_id)s AND state IS NOT NULL;
