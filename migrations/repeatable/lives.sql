-- Work events as they count: the newest correction of an event replaces what was recorded; a voided event is none.
DROP VIEW IF EXISTS closed_life;
DROP VIEW IF EXISTS work_event_in_force;
CREATE VIEW work_event_in_force WITH (security_invoker = true) AS
SELECT w.id, w.machine_id, CASE WHEN n.id IS NULL THEN w.component_id ELSE n.component_id END AS component_id,
       coalesce(n.kind, w.kind) AS kind, coalesce(n.occurred_at, w.occurred_at) AS occurred_at, w.finding, w.note,
       w.actor, w.recorded_at, coalesce(n.status, 'recorded') AS status
FROM work_event w
LEFT JOIN LATERAL (
    SELECT * FROM work_event_correction c WHERE c.work_event_id = w.id ORDER BY c.id DESC LIMIT 1
) n ON true
WHERE n.status IS DISTINCT FROM 'voided';
GRANT SELECT ON work_event_in_force TO pdm_scoped;

-- Lives that a failure or a replacement closed. The event of a component closes the life of this component alone; that of
-- the machine, or of its only component, closes all. A failure shortly after the event before it, measured by the life
-- before it, is in doubt: the same failure entered twice, or a replacement with a time before that of its failure.
-- Such a life teaches nothing until the failure is confirmed.
CREATE VIEW closed_life WITH (security_invoker = true) AS
SELECT w.id, w.machine_id, c.key AS component, w.kind, w.occurred_at AS ended_at, w.recorded_at,
       coalesce(begun.after, '-infinity') AS begun_after, doubted.doubt, doubted.with_event AS doubted_with
FROM work_event_in_force w
JOIN machine m ON m.id = w.machine_id
CROSS JOIN LATERAL (SELECT count(*) = 1 AS is_only FROM component k WHERE k.machine_id = w.machine_id) parts
LEFT JOIN component c ON c.id = w.component_id AND NOT parts.is_only
LEFT JOIN LATERAL (
    SELECT max(e.occurred_at) AS after FROM work_event_in_force e
    WHERE e.machine_id = w.machine_id AND e.kind IN ('failure', 'replacement') AND e.occurred_at < w.occurred_at
      AND (e.component_id IS NULL OR e.component_id = w.component_id OR parts.is_only)
) begun ON true
LEFT JOIN LATERAL (
    SELECT CASE p.kind WHEN 'failure' THEN 'failure-entered-twice' ELSE 'replacement-before-failure' END AS doubt,
           p.id AS with_event
    FROM (
        SELECT e.id, e.kind, e.occurred_at FROM work_event_in_force e
        WHERE e.machine_id = w.machine_id AND e.kind IN ('failure', 'replacement') AND e.occurred_at < w.occurred_at
          AND (e.component_id IS NULL OR w.component_id IS NULL OR e.component_id = w.component_id)
        ORDER BY e.occurred_at DESC, e.id DESC LIMIT 1
    ) p
    CROSS JOIN LATERAL (
        SELECT p.occurred_at - min(a.measured_at) AS length FROM acquisition a
        WHERE a.machine_id = w.machine_id AND a.measured_at <= p.occurred_at AND a.measured_at > coalesce((
            SELECT max(e.occurred_at) FROM work_event_in_force e
            WHERE e.machine_id = w.machine_id AND e.kind IN ('failure', 'replacement') AND e.occurred_at < p.occurred_at
              AND (e.component_id IS NULL OR w.component_id IS NULL OR e.component_id = w.component_id)
        ), '-infinity')
    ) before
    CROSS JOIN LATERAL (
        SELECT count(*) AS records FROM (
            SELECT FROM acquisition a
            WHERE a.machine_id = w.machine_id AND a.measured_at > p.occurred_at AND a.measured_at <= w.occurred_at
            LIMIT m.baseline_acquisitions
        ) first
    ) between_both
    WHERE w.kind = 'failure' AND w.status <> 'confirmed' AND (
        (w.occurred_at - p.occurred_at < INTERVAL '1 day' AND w.occurred_at - p.occurred_at < before.length / 20)
        OR (between_both.records < m.baseline_acquisitions
            AND w.occurred_at - p.occurred_at < coalesce(before.length / 4, INTERVAL '4 hours'))
    )
) doubted ON true
WHERE w.kind IN ('failure', 'replacement');
