-- name: watch_gaps
-- Note that somebody looks for missing data, and since when without a break; a clock that stepped back is a break too.
INSERT INTO gap_watch (since, looked_at) VALUES (%(now)s, %(now)s)
ON CONFLICT (is_only) DO UPDATE SET
    since = CASE WHEN %(now)s - gap_watch.looked_at BETWEEN INTERVAL '0' AND %(longest_pause)s
                 THEN gap_watch.since ELSE %(now)s END,
    looked_at = %(now)s
RETURNING since;

-- name: fetch_gap_documents
-- What the sets in force say about missing data.
SELECT document FROM rule_set WHERE status = 'in-force' AND document @> '{"rules": [{"kind": "data-gap"}]}';

-- name: fetch_quiet_machines
-- Live machines that have sent before but not since a time, and those whose alert of missing data is open: when their
-- newest acquisition was measured, be it analysed or not.
SELECT m.id, m.key, last.measured_at, gap.opened_at, gap.severity
FROM machine m
LEFT JOIN analysis_state s ON s.machine_id = m.id
LEFT JOIN LATERAL (
    SELECT a.opened_at, a.severity FROM alert a
    WHERE a.machine_id = m.id AND a.cause = %(cause)s AND a.state IN ('unacknowledged', 'acknowledged')
) gap ON true
CROSS JOIN LATERAL (
    SELECT greatest(s.last_measured_at,
                    (SELECT max(p.measured_at) FROM pending p WHERE p.machine_id = m.id)) AS measured_at
) last
WHERE m.timeline = 'live' AND (gap.opened_at IS NOT NULL OR last.measured_at < %(before)s)
ORDER BY m.id;
