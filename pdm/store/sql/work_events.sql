-- name: insert_work_event
-- Store a work event of a machine; a repeated event changes nothing and returns no row.
INSERT INTO work_event (machine_id, component_id, kind, occurred_at, finding, note, actor)
VALUES (%(machine_id)s, %(component_id)s, %(kind)s, %(occurred_at)s, %(finding)s, %(note)s, %(actor)s)
ON CONFLICT (machine_id, component_id, kind, occurred_at) DO NOTHING
RETURNING id;

-- name: fetch_work_event_id
-- The event that was recorded like this.
SELECT id FROM work_event
WHERE machine_id = %(machine_id)s AND component_id IS NOT DISTINCT FROM %(component_id)s
  AND kind = %(kind)s AND occurred_at = %(occurred_at)s;

-- name: fetch_finding
-- Finding and note of an event.
SELECT finding, note FROM work_event WHERE id = %(event_id)s::bigint;

-- name: reconsider_from
-- A life ended at this time: queue the later acquisitions for reanalysis.
UPDATE analysis_state SET dirty_from = least(dirty_from, %(occurred_at)s), dirty_since = coalesce(dirty_since, now())
WHERE machine_id = %(machine_id)s AND state IS NOT NULL;

-- name: find_voided
-- Who voided an event last, and why; no row for an event that is not voided.
SELECT n.actor, n.reason FROM (
    SELECT * FROM work_event_correction x WHERE x.work_event_id = %(event_id)s::bigint ORDER BY x.id DESC LIMIT 1
) n WHERE n.status = 'voided';

-- name: lock_work_event
-- A work event of a machine, locked until the transaction ends, with its newest correction.
SELECT coalesce(n.status, 'recorded'), coalesce(n.kind, w.kind), c.key, coalesce(n.occurred_at, w.occurred_at)
FROM work_event w
LEFT JOIN LATERAL (
    SELECT * FROM work_event_correction x WHERE x.work_event_id = w.id ORDER BY x.id DESC LIMIT 1
) n ON true
LEFT JOIN component c ON c.id = CASE WHEN n.id IS NULL THEN w.component_id ELSE n.component_id END
WHERE w.id = %(event_id)s::bigint AND w.machine_id = %(machine_id)s::bigint
FOR UPDATE OF w;

-- name: find_equal_work_event
-- Another work event in force of the same component, kind and time.
SELECT id FROM work_event_in_force
WHERE machine_id = %(machine_id)s::bigint AND component_id IS NOT DISTINCT FROM %(component_id)s::bigint
  AND kind = %(kind)s::text AND occurred_at = %(occurred_at)s::timestamptz AND id <> %(event_id)s::bigint;

-- name: insert_work_event_correction
-- What a work event is from now on, with the reason.
INSERT INTO work_event_correction (work_event_id, machine_id, status, kind, component_id, occurred_at, reason, actor)
VALUES (%(event_id)s, %(machine_id)s, %(status)s, %(kind)s, %(component_id)s, %(occurred_at)s, %(reason)s, %(actor)s);

-- name: take_corrected
-- Whether the reanalysis of a machine follows a correction; it is asked once.
UPDATE analysis_state SET is_corrected = false WHERE machine_id = %(machine_id)s::bigint AND is_corrected
RETURNING machine_id;

-- name: conclude_again
-- An event at this time is no longer what it was: queue the acquisitions from the last one before it on, in whose state
-- an end ahead of the data may be included already.
UPDATE analysis_state s
SET is_corrected = true, dirty_since = coalesce(s.dirty_since, now()),
    dirty_from = least(s.dirty_from, s.last_measured_at, coalesce((
    SELECT max(a.measured_at) FROM acquisition a
    WHERE a.machine_id = s.machine_id AND a.measured_at <= %(occurred_at)s::timestamptz
), %(occurred_at)s::timestamptz))
WHERE s.machine_id = %(machine_id)s::bigint AND s.state IS NOT NULL;
