-- name: insert_hold
-- A new hold; no row if the cause of the machine has the same kind of hold already.
INSERT INTO alert_hold (id, kind, site_id, line_id, machine_id, cause, ground, reason, one_shot, starts_at, ends_at,
                        actor, severity)
VALUES (%(id)s, %(kind)s, %(site_id)s, %(line_id)s, %(machine_id)s, %(cause)s, %(ground)s, %(reason)s, %(one_shot)s,
        %(starts_at)s, %(ends_at)s, %(actor)s, %(severity)s)
ON CONFLICT (kind, machine_id, cause) WHERE ended_at IS NULL AND cause IS NOT NULL DO NOTHING
RETURNING id;

-- name: fetch_live_holds
-- Holds of some machines that have not ended, or ended recently: the event contains the user who ended them.
SELECT h.id, h.kind, h.site_id, h.line_id, h.machine_id, h.cause, h.ground, h.reason, h.one_shot, h.starts_at,
       h.ends_at, h.actor, h.severity, h.ended_at, h.ended_by
FROM alert_hold h
WHERE (h.ended_at IS NULL OR h.ended_at > %(since)s) AND h.site_id = ANY (%(site_ids)s::bigint[])
  AND (h.machine_id IS NULL OR h.machine_id = ANY (%(machine_ids)s::bigint[]))
ORDER BY h.starts_at, h.id;

-- name: end_holds
-- End active holds.
UPDATE alert_hold SET ended_at = %(now)s, ended_by = %(actor)s
WHERE id = ANY (%(ids)s::uuid[]) AND ended_at IS NULL
RETURNING id;

-- name: end_expired_holds
-- End expired holds.
UPDATE alert_hold SET ended_at = %(now)s, ended_by = 'clock'
WHERE ended_at IS NULL AND ends_at <= %(now)s
RETURNING id;

-- name: fetch_unsettled_machines
-- Machines with an open alert whose suppression differs from the active holds: a hold has started or ended.
SELECT DISTINCT a.machine_id
FROM alert a
JOIN machine m ON m.id = a.machine_id
LEFT JOIN LATERAL (
    SELECT h.kind FROM alert_hold h
    WHERE h.ended_at IS NULL AND h.site_id = m.site_id AND coalesce(h.line_id, m.line_id) = m.line_id
      AND coalesce(h.machine_id, m.id) = m.id AND coalesce(h.cause, a.cause) = a.cause
      AND h.starts_at <= %(now)s AND coalesce(h.ends_at > %(now)s, true)
    ORDER BY array_position(ARRAY['out-of-service', 'suppressed', 'shelved'], h.kind) LIMIT 1
) held ON true
WHERE a.state <> 'normal'
  AND a.withheld IS DISTINCT FROM
      CASE WHEN held.kind = 'out-of-service' THEN held.kind
           WHEN held.kind = 'suppressed' OR a.at_rest THEN 'suppressed'
           WHEN a.inhibited_by IS NOT NULL THEN 'inhibited' ELSE held.kind END
LIMIT %(limit)s;

-- name: find_hold_of_sites
-- Whether a hold exists at sites that the caller may change.
SELECT h.id FROM alert_hold h
WHERE h.id = %(id)s AND (%(site_ids)s::bigint[] IS NULL OR h.site_id = ANY (%(site_ids)s));

-- name: find_hold
-- The view of one hold.
SELECT h.id, h.kind, s.key AS site, l.key AS line, m.key AS machine, h.cause, h.ground, h.reason, h.one_shot,
       h.starts_at, h.ends_at, h.actor, h.created_at, h.ended_at, h.ended_by
FROM alert_hold h
JOIN site s ON s.id = h.site_id
LEFT JOIN line l ON l.id = h.line_id
LEFT JOIN machine m ON m.id = h.machine_id
WHERE h.id = %(id)s;

-- name: page_holds
-- Active or all holds, newest first; row-level security applies.
SELECT h.id, h.kind, s.key AS site, l.key AS line, m.key AS machine, h.cause, h.ground, h.reason, h.one_shot,
       h.starts_at, h.ends_at, h.actor, h.created_at, h.ended_at, h.ended_by
FROM alert_hold h
JOIN site s ON s.id = h.site_id
LEFT JOIN line l ON l.id = h.line_id
LEFT JOIN machine m ON m.id = h.machine_id
WHERE (h.created_at, h.id) < (%(before)s::timestamptz, %(before_id)s::uuid)
  AND (NOT %(is_live)s::boolean OR h.ended_at IS NULL)
ORDER BY h.created_at DESC, h.id DESC
LIMIT %(limit)s::integer;

-- name: find_scope
-- A machine, a line or a site by its keys; row-level security applies.
SELECT s.id AS site_id, l.id AS line_id, m.id AS machine_id
FROM site s
LEFT JOIN line l ON l.site_id = s.id AND (l.key = %(line)s::text
                 OR l.id = (SELECT line_id FROM machine WHERE key = %(machine)s::text))
LEFT JOIN machine m ON m.line_id = l.id AND m.key = %(machine)s::text
WHERE s.key = coalesce(%(site)s::text, (SELECT x.key FROM machine y JOIN site x ON x.id = y.site_id
                                        WHERE y.key = %(machine)s::text));
