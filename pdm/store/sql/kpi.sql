-- name: fetch_alarm_events
-- Events of live machines' alerts in order of the wall clock, of a site or of all; row-level security applies.
SELECT e.recorded_at, e.alert_id::text, m.key, a.cause, e.severity, e.kind, e.state, e.withheld, e.reevaluated
FROM alert_event e
JOIN alert a ON a.id = e.alert_id
JOIN machine m ON m.id = e.machine_id AND m.timeline = 'live'
JOIN site s ON s.id = m.site_id
WHERE e.recorded_at >= %(since)s::timestamptz AND e.recorded_at < %(before)s::timestamptz
  AND e.kind IN ('opened', 'escalated', 'unshelved', 'unsuppressed', 'returned-to-service', 'acknowledged', 'cleared')
  AND (%(site)s::text IS NULL OR s.key = %(site)s::text)
ORDER BY e.recorded_at, e.id
LIMIT %(limit)s::integer;

-- name: fetch_standing_alarms
-- Alerts that were active and not suppressed at a time, with their start.
SELECT a.id::text, m.key, a.cause, newest.severity, came.recorded_at
FROM alert a
JOIN machine m ON m.id = a.machine_id AND m.timeline = 'live'
JOIN site s ON s.id = m.site_id
CROSS JOIN LATERAL (
    SELECT e.kind, e.state, e.severity, e.withheld, e.id FROM alert_event e
    WHERE e.alert_id = a.id AND e.recorded_at < %(at)s::timestamptz ORDER BY e.id DESC LIMIT 1
) newest
CROSS JOIN LATERAL (
    SELECT e.recorded_at, e.id FROM alert_event e
    WHERE e.alert_id = a.id AND e.kind = 'opened' AND e.recorded_at < %(at)s::timestamptz ORDER BY e.id DESC LIMIT 1
) came
WHERE a.raised_at < %(raised_before)s::timestamptz
  AND (a.state <> 'normal' OR a.raised_at >= %(at)s::timestamptz - INTERVAL '400 days')
  AND newest.withheld IS NULL AND newest.state IS DISTINCT FROM 'normal'
  AND (%(site)s::text IS NULL OR s.key = %(site)s::text)
  AND NOT EXISTS (SELECT FROM alert_event e WHERE e.alert_id = a.id AND e.id > came.id
                  AND e.kind IN ('returned', 'latched', 'cleared') AND e.recorded_at < %(at)s::timestamptz);

-- name: fetch_verdicts
-- The newest feedback of each case of a live machine with feedback in a period.
SELECT DISTINCT ON (f.alert_id) f.verdict
FROM alert_feedback f
JOIN machine m ON m.id = f.machine_id AND m.timeline = 'live'
JOIN site s ON s.id = m.site_id
WHERE f.recorded_at >= %(since)s::timestamptz AND f.recorded_at < %(before)s::timestamptz
  AND (%(site)s::text IS NULL OR s.key = %(site)s::text)
ORDER BY f.alert_id, f.id DESC;
