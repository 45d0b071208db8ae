-- name: page_alerts
-- Alerts, the last raised first, after a cursor and of a state, severity or machine if named;
-- row-level security applies.
SELECT a.id, m.key AS machine, a.cause, a.component, a.severity, a.state, a.opened_at, a.raised_at,
       a.acknowledged_at, a.acknowledged_by, a.cleared_at, a.message, a.parameters, a.rule_version, a.version
FROM alert a JOIN machine m ON m.id = a.machine_id
WHERE (a.raised_at, a.id) < (%(before)s::timestamptz, %(before_id)s::uuid)
  AND (%(state)s::text IS NULL OR a.state = %(state)s::text)
  AND (%(severity)s::text IS NULL OR a.severity = %(severity)s::text)
  AND (%(machine)s::text IS NULL OR m.key = %(machine)s::text)
ORDER BY a.raised_at DESC, a.id DESC
LIMIT %(limit)s::integer;

-- name: find_alert
-- One alert with its evidence; row-level security applies.
SELECT a.id, m.key AS machine, a.cause, a.component, a.severity, a.state, a.opened_at, a.raised_at,
       a.acknowledged_at, a.acknowledged_by, a.cleared_at, a.message, a.parameters, a.evidence,
       a.rule_version, a.version
FROM alert a JOIN machine m ON m.id = a.machine_id
WHERE a.id = %(id)s::uuid;

-- name: list_alert_events
-- The history of an alert; row-level security applies.
SELECT id, kind, severity, occurred_at, recorded_at, actor, reevaluated, reason
FROM alert_event WHERE alert_id = %(alert_id)s::uuid ORDER BY id;

-- name: fetch_alert_events_after
-- Alert events behind the oldest running transaction, in an order in which none can appear later:
-- of the transaction first, for ids alone are taken before the commit.
SELECT e.transaction::text AS transaction, e.id, e.alert_id, m.key AS machine, m.site_id, a.cause, a.component,
       e.kind, e.severity, e.occurred_at, e.recorded_at, e.actor, e.reevaluated, e.reason, a.message, a.parameters
FROM alert_event e JOIN alert a ON a.id = e.alert_id JOIN machine m ON m.id = e.machine_id
WHERE (e.transaction, e.id) > (%(transaction)s::text::xid8, %(id)s::bigint)
  AND e.transaction < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY e.transaction, e.id
LIMIT %(limit)s::integer;

-- name: fetch_alert_horizon
-- Every event of an earlier transaction is visible now.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text;
