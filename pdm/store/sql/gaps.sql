-- name: watch_gaps
-- Store that a check for missing data runs, and since when without a break; a clock step backwards is a break too.
INSERT INTO gap_watch (since, looked_at) VALUES (%(now)s, %(now)s)
ON CONFLICT (is_only) DO UPDATE SET
    since = CASE WHEN %(now)s - gap_watch.looked_at BETWEEN INTERVAL '0' AND %(longest_pause)s
                 THEN gap_watch.since ELSE %(now)s END,
    looked_at = %(now)s
RETURNING since;

-- name: fetch_gap_documents
-- The rules of missing data in the sets in force.
SELECT document FROM rule_set WHERE status = 'in-force' AND document @> '{"rules": [{"kind": "data-gap"}]}';

-- name: fetch_quiet_machines
-- Live machines in use from which new data were received before but not since a time, and those with an open alert of missing
-- data: time of the newest acquisition, analysed or not, time of the last receipt, whether the machine was off in the
-- newest acquisition, and the end of the time in which its alerts were suppressed by design. Without a stored receipt,
-- or with one by code that stores none, data were received no earlier than measured.
SELECT m.id, m.key, last.measured_at, heard.received_at, gap.opened_at, gap.severity,
       coalesce(s.last_measured_at = last.measured_at AND newest.operating_state = 'off', false) AS is_off,
       held.until
FROM machine m
LEFT JOIN analysis_state s ON s.machine_id = m.id
LEFT JOIN LATERAL (
    SELECT a.opened_at, a.severity FROM alert a
    WHERE a.machine_id = m.id AND a.cause = %(cause)s AND a.category = 'data'
      AND a.state IN ('unacknowledged', 'acknowledged')
) gap ON true
CROSS JOIN LATERAL (
    SELECT greatest(s.last_measured_at,
                    (SELECT max(p.measured_at) FROM pending p WHERE p.machine_id = m.id)) AS measured_at
) last
CROSS JOIN LATERAL (
    SELECT greatest(last.measured_at,
                    (SELECT r.received_at FROM last_receipt r WHERE r.machine_id = m.id)) AS received_at
) heard
LEFT JOIN LATERAL (
    SELECT a.operating_state FROM assessment a
    WHERE a.machine_id = m.id AND a.measured_at = s.last_measured_at
    ORDER BY a.revision DESC LIMIT 1
) newest ON true
LEFT JOIN LATERAL (
    SELECT max(least(coalesce(h.ended_at, h.ends_at, %(now)s), %(now)s)) AS until FROM alert_hold h
    WHERE h.site_id = m.site_id AND coalesce(h.line_id, m.line_id) = m.line_id
      AND coalesce(h.machine_id, m.id) = m.id AND h.cause IS NULL AND h.starts_at <= %(now)s
      AND coalesce(h.ended_at, h.ends_at, %(now)s) > heard.received_at
) held ON true
WHERE m.timeline = 'live' AND m.retired_at IS NULL AND (gap.opened_at IS NOT NULL OR heard.received_at < %(before)s)
ORDER BY m.id;
