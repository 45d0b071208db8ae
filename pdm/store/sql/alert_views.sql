-- name: page_alerts
-- Alerts, newest first, after a cursor, filtered by state, severity, machine or assignee if given;
-- row-level security applies.
SELECT a.id, m.key AS machine, m.name AS machine_name, a.cause, a.component, c.name AS component_name, a.category,
       a.severity, a.state, a.withheld, a.at_rest, a.inhibited_by,
       a.opened_at, a.raised_at, a.acknowledged_at, a.acknowledged_by, a.confirmed_at, a.confirmed_by, a.assignee,
       a.cleared_at, a.act_by, a.needs_acknowledgement, a.is_latching, a.message, a.parameters, a.rule_version, a.version
FROM alert a JOIN machine m ON m.id = a.machine_id
LEFT JOIN component c ON c.machine_id = a.machine_id AND c.key = a.component
WHERE (a.raised_at, a.id) < (%(before)s::timestamptz, %(before_id)s::uuid)
  AND (%(state)s::text IS NULL OR a.state = %(state)s::text)
  AND (%(severity)s::text IS NULL OR a.severity = %(severity)s::text)
  AND (%(machine)s::text IS NULL OR m.key = %(machine)s::text)
  AND (%(is_open)s::boolean IS NULL OR (a.state <> 'normal') = %(is_open)s::boolean)
  AND (%(is_withheld)s::boolean IS NULL OR (a.withheld IS NOT NULL) = %(is_withheld)s::boolean)
  AND (%(assignee)s::text IS NULL OR a.assignee = %(assignee)s::text)
ORDER BY a.raised_at DESC, a.id DESC
LIMIT %(limit)s::integer;

-- name: find_alert
-- One alert with its evidence; row-level security applies.
SELECT a.id, m.key AS machine, m.name AS machine_name, a.cause, a.component, c.name AS component_name, a.category,
       a.severity, a.state, a.withheld, a.at_rest, a.inhibited_by,
       a.opened_at, a.raised_at, a.acknowledged_at, a.acknowledged_by, a.confirmed_at, a.confirmed_by, a.assignee,
       a.cleared_at, a.act_by, a.needs_acknowledgement, a.is_latching, a.message, a.parameters, a.evidence,
       a.rule_version, a.version
FROM alert a JOIN machine m ON m.id = a.machine_id
LEFT JOIN component c ON c.machine_id = a.machine_id AND c.key = a.component
WHERE a.id = %(id)s::uuid;

-- name: list_alert_events
-- The last events of an alert, in order; row-level security applies.
SELECT * FROM (
    SELECT id, kind, severity, state, withheld, occurred_at, recorded_at, actor, reevaluated, reason, comment, detail
    FROM alert_event WHERE alert_id = %(alert_id)s::uuid ORDER BY id DESC LIMIT %(limit)s::integer
) last ORDER BY id;

-- name: page_alert_history
-- Events of alerts, newest first, filtered by machine, alert, kind, user or time if given; row-level
-- security applies.
SELECT e.id, e.alert_id, m.key AS machine, m.name AS machine_name, a.cause, e.kind, e.severity, e.state, e.withheld, e.occurred_at,
       e.recorded_at, e.actor, e.reevaluated, e.reason, e.comment, e.detail
FROM alert_event e JOIN alert a ON a.id = e.alert_id JOIN machine m ON m.id = e.machine_id
WHERE e.id < %(before)s::bigint
  AND (%(machine)s::text IS NULL OR e.machine_id = (SELECT id FROM machine WHERE key = %(machine)s::text))
  AND (%(alert_id)s::uuid IS NULL OR e.alert_id = %(alert_id)s::uuid)
  AND (%(kind)s::text IS NULL OR e.kind = %(kind)s::text)
  AND (%(actor)s::text IS NULL OR e.actor = %(actor)s::text)
  AND (%(since)s::timestamptz IS NULL OR e.recorded_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR e.recorded_at < %(until)s::timestamptz)
ORDER BY e.id DESC
LIMIT %(limit)s::integer;

-- name: fetch_alert_events_after
-- Alert events before the oldest running transaction, ordered so that none can appear later: by transaction
-- first, because ids are assigned before the commit.
SELECT e.transaction::text AS transaction, e.id, e.alert_id, m.key AS machine, m.name AS machine_name, m.site_id, a.cause,
       a.component, c.name AS component_name, p.name AS point_name, e.kind, e.severity, e.occurred_at, e.recorded_at, e.actor, e.reevaluated, e.reason, a.message, a.parameters
FROM alert_event e JOIN alert a ON a.id = e.alert_id JOIN machine m ON m.id = e.machine_id
LEFT JOIN component c ON c.machine_id = a.machine_id AND c.key = a.component
LEFT JOIN point p ON p.machine_id = a.machine_id AND p.key = a.parameters ->> 'point'
WHERE (e.transaction, e.id) > (%(transaction)s::text::xid8, %(id)s::bigint)
  AND e.transaction < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY e.transaction, e.id
LIMIT %(limit)s::integer;

-- name: fetch_alert_horizon
-- Every event of an earlier transaction is visible now.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text;
