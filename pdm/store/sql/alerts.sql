-- name: lock_open_alerts
-- All open alerts of some machines, locked until the transaction ends, in the same order for all, to prevent deadlocks.
SELECT a.id, a.machine_id, a.cause, a.component, a.severity, a.state, a.opened_at, a.message, a.parameters,
       a.rule_version, a.rule_key, a.category, a.needs_acknowledgement, a.is_latching,
       pdm_alert_points(a) AS points, a.act_by, a.cleared_at, a.acknowledged_at, a.acknowledged_by,
       a.confirmed_at, a.confirmed_by, a.assignee, a.overdue_at, a.overdue_step, a.inhibited_by, a.withheld, a.at_rest,
       a.is_untold, a.version
FROM alert a
WHERE a.machine_id = ANY (%(machine_ids)s::bigint[]) AND a.state <> 'normal'
ORDER BY a.machine_id, a.id
FOR UPDATE;

-- name: lock_alert
-- One alert, locked until the transaction ends.
SELECT a.id, a.machine_id, a.cause, a.component, a.severity, a.state, a.opened_at, a.message, a.parameters,
       a.rule_version, a.rule_key, a.category, a.needs_acknowledgement, a.is_latching,
       pdm_alert_points(a) AS points, a.act_by, a.cleared_at, a.acknowledged_at, a.acknowledged_by,
       a.confirmed_at, a.confirmed_by, a.assignee, a.overdue_at, a.overdue_step, a.inhibited_by, a.withheld, a.at_rest,
       a.is_untold, a.version
FROM alert a
WHERE a.id = %(alert_id)s
FOR UPDATE;

-- name: find_alert_machine
-- The machine of an alert of the sites that the caller may act on.
SELECT a.machine_id FROM alert a JOIN machine m ON m.id = a.machine_id
WHERE a.id = %(alert_id)s AND (%(site_ids)s::bigint[] IS NULL OR m.site_id = ANY (%(site_ids)s));

-- name: fetch_places
-- Sites and lines of machines.
SELECT id, line_id, site_id FROM machine WHERE id = ANY (%(machine_ids)s::bigint[]);

-- name: insert_alerts
-- New alerts; no row if another transaction has opened an alert of the same cause in the meantime.
INSERT INTO alert (id, machine_id, cause, component, severity, state, opened_at, message, parameters, evidence, points,
                   rule_version, rule_key, category, needs_acknowledgement, is_latching, act_by, cleared_at,
                   overdue_at, inhibited_by, withheld, at_rest, is_untold, version)
SELECT id, machine_id, cause, component, severity, state, opened_at, message, parameters::jsonb, evidence::jsonb,
       ARRAY(SELECT jsonb_array_elements_text(points::jsonb)), rule_version, rule_key, category, needs_acknowledgement,
       is_latching, act_by, cleared_at, overdue_at, inhibited_by, withheld, at_rest, is_untold, version
FROM unnest(%(id)s::uuid[], %(machine_id)s::bigint[], %(cause)s::text[], %(component)s::text[], %(severity)s::text[],
            %(state)s::text[], %(opened_at)s::timestamptz[], %(message)s::text[], %(parameters)s::text[],
            %(evidence)s::text[], %(points)s::text[], %(rule_version)s::text[], %(rule_key)s::text[],
            %(category)s::text[], %(needs_acknowledgement)s::boolean[], %(is_latching)s::boolean[],
            %(act_by)s::timestamptz[], %(cleared_at)s::timestamptz[], %(overdue_at)s::timestamptz[],
            %(inhibited_by)s::text[], %(withheld)s::text[], %(at_rest)s::boolean[], %(is_untold)s::boolean[],
            %(version)s::integer[])
    AS new (id, machine_id, cause, component, severity, state, opened_at, message, parameters, evidence, points,
            rule_version, rule_key, category, needs_acknowledgement, is_latching, act_by, cleared_at, overdue_at,
            inhibited_by, withheld, at_rest, is_untold, version)
ON CONFLICT (machine_id, cause) WHERE state <> 'normal' DO NOTHING
RETURNING id;

-- name: update_alerts
-- The new values of locked alerts. Evidence that is not given is kept: it belongs to the condition of the alert.
UPDATE alert a SET
    component = new.component, severity = new.severity, state = new.state, message = new.message,
    parameters = new.parameters::jsonb, evidence = coalesce(new.evidence::jsonb, a.evidence),
    points = ARRAY(SELECT jsonb_array_elements_text(new.points::jsonb)),
    rule_version = new.rule_version, rule_key = new.rule_key, needs_acknowledgement = new.needs_acknowledgement,
    is_latching = new.is_latching, act_by = new.act_by, cleared_at = new.cleared_at,
    acknowledged_at = new.acknowledged_at, acknowledged_by = new.acknowledged_by, confirmed_at = new.confirmed_at,
    confirmed_by = new.confirmed_by, assignee = new.assignee, overdue_at = new.overdue_at,
    overdue_step = new.overdue_step, inhibited_by = new.inhibited_by, withheld = new.withheld, at_rest = new.at_rest,
    is_untold = new.is_untold, version = new.version
FROM unnest(%(id)s::uuid[], %(component)s::text[], %(severity)s::text[], %(state)s::text[], %(message)s::text[],
            %(parameters)s::text[], %(evidence)s::text[], %(points)s::text[], %(rule_version)s::text[],
            %(rule_key)s::text[], %(needs_acknowledgement)s::boolean[], %(is_latching)s::boolean[],
            %(act_by)s::timestamptz[], %(cleared_at)s::timestamptz[], %(acknowledged_at)s::timestamptz[],
            %(acknowledged_by)s::text[], %(confirmed_at)s::timestamptz[], %(confirmed_by)s::text[],
            %(assignee)s::text[], %(overdue_at)s::timestamptz[], %(overdue_step)s::smallint[], %(inhibited_by)s::text[],
            %(withheld)s::text[], %(at_rest)s::boolean[], %(is_untold)s::boolean[], %(version)s::integer[])
    AS new (id, component, severity, state, message, parameters, evidence, points, rule_version, rule_key,
            needs_acknowledgement, is_latching, act_by, cleared_at, acknowledged_at, acknowledged_by, confirmed_at,
            confirmed_by, assignee, overdue_at, overdue_step, inhibited_by, withheld, at_rest, is_untold, version)
WHERE a.id = new.id;

-- name: insert_alert_events
-- New events of alerts, in order.
INSERT INTO alert_event (alert_id, machine_id, kind, severity, occurred_at, actor, reevaluated, reason, state, withheld,
                         comment, detail)
SELECT alert_id, machine_id, kind, severity, occurred_at, actor, reevaluated, reason, state, withheld, comment,
       detail::jsonb
FROM unnest(%(alert_id)s::uuid[], %(machine_id)s::bigint[], %(kind)s::text[], %(severity)s::text[],
            %(occurred_at)s::timestamptz[], %(actor)s::text[], %(reevaluated)s::boolean[], %(reason)s::text[],
            %(state)s::text[], %(withheld)s::text[], %(comment)s::text[], %(detail)s::text[])
    WITH ORDINALITY
    AS new (alert_id, machine_id, kind, severity, occurred_at, actor, reevaluated, reason, state, withheld, comment,
            detail, place)
ORDER BY place
RETURNING id;

-- name: fetch_open_alerts
-- A machine's alerts that are open.
SELECT a.id, a.machine_id, a.cause, a.component, a.severity, a.state, a.opened_at, a.message, a.parameters,
       a.rule_version, a.rule_key, a.category, a.needs_acknowledgement, a.is_latching,
       pdm_points(a.evidence) AS points, a.act_by, a.cleared_at, a.acknowledged_at, a.acknowledged_by,
       a.confirmed_at, a.confirmed_by, a.assignee, a.overdue_at, a.overdue_step, a.inhibited_by, a.withheld, a.at_rest,
       a.is_untold, a.version
FROM alert a
WHERE a.machine_id = %(machine_id)s AND a.state <> 'normal'
ORDER BY a.cause;

-- name: fetch_overdue
-- Alerts that were not acknowledged in time, oldest first, without those of replayed machines and suppressed ones.
SELECT a.id, a.machine_id FROM alert a JOIN machine m ON m.id = a.machine_id AND m.timeline = 'live'
WHERE a.overdue_at <= %(now)s AND a.withheld IS NULL ORDER BY a.overdue_at LIMIT %(limit)s;

-- name: fetch_ended_by_life
-- A machine's alerts that the end of a life ended from a time on, with their state before, in the order of their opening.
SELECT a.id, a.cause, a.component, a.opened_at, e.occurred_at AS ended_at, b.state,
       a.is_latching OR (a.needs_acknowledgement AND b.state = 'unacknowledged') AS is_demanding
FROM alert a
CROSS JOIN LATERAL (
    SELECT x.id, x.occurred_at, x.reason FROM alert_event x WHERE x.alert_id = a.id AND x.kind = 'cleared'
    ORDER BY x.id DESC LIMIT 1
) e
CROSS JOIN LATERAL (
    SELECT x.state FROM alert_event x WHERE x.alert_id = a.id AND x.id < e.id AND x.state IS NOT NULL
    ORDER BY x.id DESC LIMIT 1
) b
WHERE a.machine_id = %(machine_id)s::bigint AND a.state = 'normal' AND a.category = 'machine'
  AND e.reason = 'life-closed' AND e.occurred_at >= %(since)s::timestamptz
ORDER BY a.opened_at, a.id;
