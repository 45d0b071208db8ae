-- name: find_case
-- One alert with the data of its machine for advice; row-level security applies.
SELECT a.id, a.machine_id, m.key AS machine, m.fleet, a.cause, a.component, c.kind AS component_kind, a.category,
       a.severity, a.state, a.opened_at, a.raised_at, a.cleared_at, a.message, a.parameters, a.evidence, a.rule_key
FROM alert a
JOIN machine m ON m.id = a.machine_id
LEFT JOIN component c ON c.machine_id = a.machine_id AND c.key = a.component
WHERE a.id = %(alert_id)s::uuid;

-- name: fetch_past_cases
-- Cases that ended or have feedback, of the same fleet or with the same symptom, newest first, with their outcome;
-- row-level security applies.
SELECT a.id, m.key AS machine, m.fleet, a.cause, a.component, c.kind AS component_kind, a.severity, a.opened_at,
       a.cleared_at, a.evidence -> 'assessment' -> 'contributors' AS contributors, a.evidence ->> 'symptom' AS symptom,
       f.verdict, f.finding, f.fault, w.events AS work_events
FROM alert a
JOIN machine m ON m.id = a.machine_id
LEFT JOIN component c ON c.machine_id = a.machine_id AND c.key = a.component
LEFT JOIN LATERAL (
    SELECT verdict, finding, fault FROM alert_feedback WHERE alert_id = a.id ORDER BY id DESC LIMIT 1
) f ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('id', e.id, 'kind', e.kind, 'occurred_at', e.occurred_at,
                                        'finding', e.finding) ORDER BY e.occurred_at, e.id) AS events
    FROM alert_work_event l JOIN work_event_in_force e ON e.id = l.work_event_id WHERE l.alert_id = a.id
) w ON true
WHERE a.id <> %(alert_id)s::uuid AND a.category = %(category)s::text AND a.raised_at < %(before)s::timestamptz
  AND (a.state = 'normal' OR f.verdict IS NOT NULL)
  AND (m.fleet = %(fleet)s::text OR a.evidence ->> 'symptom' = %(symptom)s::text)
ORDER BY a.raised_at DESC
LIMIT %(limit)s::integer;

-- name: fetch_trend
-- The present health history of a machine in equal steps: the worst value of each step.
SELECT time_bucket(%(step)s::interval, measured_at) AS at, min(health) AS health, max(zone) AS zone
FROM (
    SELECT DISTINCT ON (measured_at) measured_at, health, zone FROM assessment
    WHERE machine_id = %(machine_id)s::bigint AND measured_at >= %(since)s::timestamptz
      AND measured_at <= %(until)s::timestamptz
    ORDER BY measured_at DESC, revision DESC
) newest
WHERE health IS NOT NULL OR zone IS NOT NULL
GROUP BY 1 ORDER BY 1;

-- name: insert_feedback
-- Feedback on a case; earlier feedback is kept.
INSERT INTO alert_feedback (alert_id, machine_id, verdict, finding, fault, component, actor, recorded_at)
VALUES (%(alert_id)s, %(machine_id)s, %(verdict)s, %(finding)s, %(fault)s, %(component)s, %(actor)s, %(now)s)
RETURNING id;

-- name: list_feedback
-- The feedback on a case, newest first; row-level security applies.
SELECT id, verdict, finding, fault, component, actor, recorded_at FROM alert_feedback
WHERE alert_id = %(alert_id)s::uuid ORDER BY id DESC;

-- name: link_work_event
-- Link a work event to a case; repeated calls change nothing; no row for a work event of another machine.
WITH linked AS (
    INSERT INTO alert_work_event (alert_id, work_event_id, machine_id, actor)
    SELECT %(alert_id)s::uuid, e.id, e.machine_id, %(actor)s::text FROM work_event_in_force e
    WHERE e.id = %(work_event_id)s::bigint AND e.machine_id = %(machine_id)s::bigint
    ON CONFLICT DO NOTHING RETURNING work_event_id
)
SELECT e.id, EXISTS (SELECT FROM linked) FROM work_event_in_force e
WHERE e.id = %(work_event_id)s::bigint AND e.machine_id = %(machine_id)s::bigint;

-- name: list_linked_work
-- The work events linked to a case; row-level security applies.
SELECT e.id, e.kind, c.key AS component, e.occurred_at, e.finding, e.note, e.actor, e.recorded_at
FROM alert_work_event l
JOIN work_event_in_force e ON e.id = l.work_event_id
LEFT JOIN component c ON c.id = e.component_id
WHERE l.alert_id = %(alert_id)s::uuid ORDER BY e.occurred_at, e.id;

-- name: fetch_labels
-- Cases with feedback or linked work, by opening time on the timeline of the machine.
SELECT a.id::text AS alert_id, a.machine_id, m.key AS machine, m.fleet, a.cause, a.component, a.category, a.severity, a.rule_key,
       a.rule_version, a.opened_at, a.cleared_at AS ended_at, f.verdict, coalesce(f.finding, '') AS finding,
       f.fault, f.component AS found_component, w.events AS work
FROM alert a
JOIN machine m ON m.id = a.machine_id
LEFT JOIN LATERAL (
    SELECT verdict, finding, fault, component FROM alert_feedback WHERE alert_id = a.id ORDER BY id DESC LIMIT 1
) f ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(e.id, e.kind, e.occurred_at, e.finding) ORDER BY e.occurred_at, e.id) AS events
    FROM alert_work_event l JOIN work_event_in_force e ON e.id = l.work_event_id WHERE l.alert_id = a.id
) w ON true
WHERE (f.verdict IS NOT NULL OR w.events IS NOT NULL)
  AND a.opened_at >= %(since)s::timestamptz AND a.opened_at < %(before)s::timestamptz
  AND (%(fleet)s::text IS NULL OR m.fleet = %(fleet)s::text)
  AND (%(machine_ids)s::bigint[] IS NULL OR a.machine_id = ANY (%(machine_ids)s::bigint[]))
ORDER BY a.opened_at, a.id;
