-- name: open_alert
-- Store a new alert with its first event; no row where the cause already has an open alert.
WITH opened AS (
    INSERT INTO alert (id, machine_id, cause, component, severity, state, opened_at, message, parameters,
                       evidence, rule_version, rule_key, category, needs_acknowledgement, is_latching, act_by)
    VALUES (gen_random_uuid(), %(machine_id)s, %(cause)s, %(component)s, %(severity)s, 'unacknowledged',
            %(occurred_at)s, %(message)s, %(parameters)s::jsonb, %(evidence)s::jsonb, %(rule_version)s,
            %(rule_key)s, %(category)s, %(needs_acknowledgement)s, %(is_latching)s, %(act_by)s)
    ON CONFLICT (machine_id, cause) WHERE state <> 'normal' DO NOTHING
    RETURNING id, state
)
INSERT INTO alert_event (alert_id, machine_id, kind, severity, occurred_at, actor, reevaluated, reason, state)
SELECT id, %(machine_id)s::bigint, 'opened', %(severity)s::text, %(occurred_at)s::timestamptz, 'analysis', %(reevaluated)s::boolean, %(reason)s::text,
       state
FROM opened
RETURNING id;

-- name: lock_open_alert
-- How a cause's open alert stands and what it asks of people, held until the transaction ends.
SELECT severity, state, needs_acknowledgement, is_latching FROM alert
WHERE machine_id = %(machine_id)s AND cause = %(cause)s AND state <> 'normal'
FOR UPDATE;

-- name: change_alert
-- Move the open alert of a cause and write the event. What becomes unacknowledged again was acknowledged for
-- less. An alert whose condition is gone keeps the words and evidence of what it was about.
WITH changed AS (
    UPDATE alert SET
        severity = %(severity)s,
        component = coalesce(component, %(component)s),
        state = %(state)s::text,
        acknowledged_at = CASE WHEN %(state)s::text <> 'unacknowledged' THEN acknowledged_at END,
        acknowledged_by = CASE WHEN %(state)s::text <> 'unacknowledged' THEN acknowledged_by END,
        cleared_at = CASE WHEN %(is_gone)s THEN %(occurred_at)s::timestamptz END,
        message = CASE WHEN %(is_gone)s THEN message ELSE %(message)s END,
        parameters = CASE WHEN %(is_gone)s THEN parameters ELSE %(parameters)s::jsonb END,
        evidence = CASE WHEN %(is_gone)s THEN evidence ELSE %(evidence)s::jsonb END,
        rule_version = %(rule_version)s,
        rule_key = CASE WHEN %(is_gone)s THEN rule_key ELSE %(rule_key)s END,
        needs_acknowledgement = needs_acknowledgement OR %(needs_acknowledgement)s,
        is_latching = is_latching OR %(is_latching)s,
        act_by = CASE WHEN %(is_gone)s THEN act_by ELSE %(act_by)s::timestamptz END,
        version = version + 1
    WHERE machine_id = %(machine_id)s AND cause = %(cause)s AND state <> 'normal'
    RETURNING id, state
)
INSERT INTO alert_event (alert_id, machine_id, kind, severity, occurred_at, actor, reevaluated, reason, state)
SELECT id, %(machine_id)s::bigint, %(kind)s::text, %(severity)s::text, %(occurred_at)s::timestamptz, 'analysis', %(reevaluated)s::boolean, %(reason)s::text,
       state
FROM changed
RETURNING id;

-- name: fetch_open_alerts
-- A machine's alerts that are open.
SELECT cause, component, severity, state, opened_at, id, version FROM alert
WHERE machine_id = %(machine_id)s AND state <> 'normal'
ORDER BY cause;

-- name: lock_alert
-- One alert of the sites that the caller may act on, held until the transaction ends.
SELECT a.state, a.version, a.acknowledged_by, a.needs_acknowledgement, a.is_latching FROM alert a
JOIN machine m ON m.id = a.machine_id
WHERE a.id = %(alert_id)s AND (%(site_ids)s::bigint[] IS NULL OR m.site_id = ANY (%(site_ids)s))
FOR UPDATE OF a;

-- name: acknowledge_alert
-- Note who has seen an alert, and write the events.
WITH changed AS (
    UPDATE alert SET state = %(state)s, acknowledged_at = %(now)s, acknowledged_by = %(actor)s,
                     version = version + 1
    WHERE id = %(alert_id)s
    RETURNING id, machine_id, severity, state
)
INSERT INTO alert_event (alert_id, machine_id, kind, severity, occurred_at, actor, reason, state)
SELECT id, machine_id, kind, severity, %(now)s::timestamptz, %(actor)s::text, 'acknowledged', state
FROM changed, unnest(%(kinds)s::text[]) AS happened (kind)
RETURNING id;
