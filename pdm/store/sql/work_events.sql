-- name: insert_work_event
-- Store a work event of a machine; a repeated event changes nothing and returns no row.
INSERT INTO work_event (machine_id, component_id, kind, occurred_at, finding, note, actor)
VALUES (%(machine_id)s, %(component_id)s, %(kind)s, %(occurred_at)s, %(finding)s, %(note)s, %(actor)s)
ON CONFLICT (machine_id, component_id, kind, occurred_at) DO NOTHING
RETURNING id;

-- name: fetch_work_event_id
-- The stored event.
SELECT id, finding, note FROM work_event
WHERE machine_id = %(machine_id)s AND component_id IS NOT DISTINCT FROM %(component_id)s
  AND kind = %(kind)s AND occurred_at = %(occurred_at)s;

-- name: reconsider_from
-- A life ended at this time: queue the later acquisitions for reanalysis.
UPDATE analysis_state SET dirty_from = least(dirty_from, %(occurred_at)s)
WHERE machine_id = %(machine_id)s AND state IS NOT NULL;
