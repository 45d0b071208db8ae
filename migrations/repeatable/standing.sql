-- Alerts for stateful receivers: the newest message, all severities so far, and whether the alert requires attention:
-- its condition is active, or it is latched until a reset, and it is not suppressed.

DROP VIEW IF EXISTS standing_alert;
CREATE VIEW standing_alert AS
SELECT a.id,
       a.state <> 'normal' AS is_open,
       a.state IN ('unacknowledged', 'acknowledged', 'latched') AND a.withheld IS NULL AS is_firing,
       history.severities, history.changed_at,
       jsonb_build_object(
           'alert_id', a.id, 'site', site.key, 'site_name', site.name, 'machine', m.key, 'machine_name', m.name,
           'cause', a.cause, 'component', a.component, 'component_name', c.name, 'point_name', p.name,
           'severity', a.severity, 'state', a.state, 'message', a.message,
           'parameters', a.parameters, 'category', a.category, 'withheld', a.withheld,
           'opened_at', to_char(a.opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'rule_version', a.rule_version, 'version', a.version) AS document
FROM alert a
JOIN machine m ON m.id = a.machine_id
JOIN site ON site.id = m.site_id
LEFT JOIN component c ON c.machine_id = a.machine_id AND c.key = a.component
LEFT JOIN point p ON p.machine_id = a.machine_id AND p.key = a.parameters ->> 'point'
CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT e.severity) AS severities, max(e.recorded_at) AS changed_at
    FROM alert_event e WHERE e.alert_id = a.id
) history;
