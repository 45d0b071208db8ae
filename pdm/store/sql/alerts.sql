-- name: open_alert
-- Store a new alert with its first event; no row where the cause already has an open alert.
WITH opened AS (
    INSERT INTO alert (id, machine_id, cause, component, severity, state, opened_at, message, parameters,
                       evidence, rule_version)
    VALUES (gen_random_uuid(), %(machine_id)s, %(cause)s, %(component)s, %(severity)s, 'active',
            %(occurred_at)s, %(message)s, %(parameters)s::jsonb, %(evidence)s::jsonb, %(rule_version)s)
    ON CONFLICT (machine_id, cause) WHERE state <> 'cleared' DO NOTHING
    RETURNING id
)
INSERT INTO alert_event (alert_id, machine_id, kind, severity, occurred_at, actor, reevaluated, reason)
SELECT id, %(machine_id)s::bigint, 'opened', %(severity)s::text, %(occurred_at)s::timestamptz, 'analysis', %(reevaluated)s::boolean, %(reason)s::text
FROM opened
RETURNING id;

-- name: lock_open_severity
-- The severity of a cause's open alert, held until the transaction ends.
SELECT severity FROM alert
WHERE machine_id = %(machine_id)s AND cause = %(cause)s AND state <> 'cleared'
FOR UPDATE;

-- name: change_alert
-- Move the open alert of a cause and write the event. An escalation makes it active again: it was
-- acknowledged for less. A cleared alert keeps the words and evidence of what it was about.
WITH changed AS (
    UPDATE alert SET
        severity = %(severity)s,
        component = coalesce(component, %(component)s),
        state = CASE %(kind)s::text WHEN 'cleared' THEN 'cleared' WHEN 'escalated' THEN 'active' ELSE state END,
        acknowledged_at = CASE WHEN %(kind)s::text = 'escalated' THEN NULL ELSE acknowledged_at END,
        acknowledged_by = CASE WHEN %(kind)s::text = 'escalated' THEN NULL ELSE acknowledged_by END,
        cleared_at = CASE WHEN %(kind)s::text = 'cleared' THEN %(occurred_at)s::timestamptz END,
        message = CASE WHEN %(kind)s::text = 'cleared' THEN message ELSE %(message)s END,
        parameters = CASE WHEN %(kind)s::text = 'cleared' THEN parameters ELSE %(parameters)s::jsonb END,
        evidence = CASE WHEN %(kind)s::text = 'cleared' THEN evidence ELSE %(evidence)s::jsonb END,
        rule_version = %(rule_version)s,
        version = version + 1
    WHERE machine_id = %(machine_id)s AND cause = %(cause)s AND state <> 'cleared'
    RETURNING id
)
INSERT INTO alert_event (alert_id, machine_id, kind, severity, occurred_at, actor, reevaluated, reason)
SELECT id, %(machine_id)s::bigint, %(kind)s::text, %(severity)s::text, %(occurred_at)s::timestamptz, 'analysis', %(reevaluated)s::boolean, %(reason)s::text
FROM changed
RETURNING id;

-- name: enqueue_alert_event
-- One outbox row for every enabled subscription that the event concerns: severe enough, or told of this
-- alert before. A replayed machine's events stay inside.
INSERT INTO outbox (id, subscription_id, alert_event_id, alert_id, payload)
SELECT gen_random_uuid(), s.id, e.id, a.id,
    jsonb_build_object(
        'type', 'alert.' || e.kind,
        'timestamp', to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'data', jsonb_build_object(
            'alert_id', a.id, 'event_id', e.id, 'kind', e.kind, 'site', site.key, 'machine', m.key,
            'machine_name', m.name, 'cause', a.cause, 'component', a.component, 'severity', e.severity,
            'state', a.state, 'message', a.message, 'parameters', a.parameters, 'evidence', a.evidence,
            'opened_at', to_char(a.opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'occurred_at', to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'actor', e.actor, 'reason', e.reason, 'reevaluated', e.reevaluated,
            'rule_version', a.rule_version, 'version', a.version))
FROM alert_event e
JOIN alert a ON a.id = e.alert_id
JOIN machine m ON m.id = a.machine_id AND m.timeline = 'live'
JOIN site ON site.id = m.site_id
JOIN subscription s ON s.is_enabled AND (s.site_id IS NULL OR s.site_id = m.site_id)
WHERE e.id = ANY (%(event_ids)s)
  AND (array_position(ARRAY['advisory', 'warning', 'critical'], e.severity)
           >= array_position(ARRAY['advisory', 'warning', 'critical'], s.min_severity)
       OR EXISTS (SELECT FROM alert_event told
                  JOIN outbox o ON o.alert_event_id = told.id AND o.subscription_id = s.id
                  WHERE told.alert_id = a.id));

-- name: fetch_open_alerts
-- A machine's alerts that have not cleared.
SELECT cause, component, severity, state, opened_at, id, version FROM alert
WHERE machine_id = %(machine_id)s AND state <> 'cleared'
ORDER BY cause;

-- name: lock_alert
-- One alert of the sites that the caller may act on, held until the transaction ends.
SELECT a.state, a.version, a.acknowledged_by, a.machine_id, a.severity FROM alert a
JOIN machine m ON m.id = a.machine_id
WHERE a.id = %(alert_id)s AND (%(site_ids)s::bigint[] IS NULL OR m.site_id = ANY (%(site_ids)s))
FOR UPDATE OF a;

-- name: acknowledge_alert
-- Note who has seen an alert, and write the event.
WITH changed AS (
    UPDATE alert SET state = 'acknowledged', acknowledged_at = %(now)s, acknowledged_by = %(actor)s,
                     version = version + 1
    WHERE id = %(alert_id)s
    RETURNING id, machine_id, severity
)
INSERT INTO alert_event (alert_id, machine_id, kind, severity, occurred_at, actor, reason)
SELECT id, machine_id, 'acknowledged', severity, %(now)s::timestamptz, %(actor)s::text, 'acknowledged' FROM changed
RETURNING id;
