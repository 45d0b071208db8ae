-- name: fetch_assessment
-- The newest assessment of a machine, or the newest at a time on the wall clock.
SELECT measured_at, computed_at, revision, health, learning_progress, operating_state, zone, symptom, component,
       confidence, evidence, rule_version
FROM assessment
WHERE machine_id = %(machine_id)s::bigint
  AND (%(as_of)s::timestamptz IS NULL OR computed_at <= %(as_of)s::timestamptz)
ORDER BY measured_at DESC, revision DESC
LIMIT 1;

-- name: fetch_last_judged
-- The newest assessment with a verdict on health in the present life, among the last ones, at a time on the wall clock.
SELECT * FROM (
    SELECT DISTINCT ON (a.measured_at) a.measured_at, a.computed_at, a.revision, a.health, a.learning_progress,
           a.operating_state, a.zone, a.symptom, a.component, a.confidence, a.evidence, a.rule_version
    FROM assessment a
    WHERE a.machine_id = %(machine_id)s::bigint
      AND (%(as_of)s::timestamptz IS NULL OR a.computed_at <= %(as_of)s::timestamptz)
      AND a.measured_at > coalesce((
        SELECT max(w.occurred_at) FROM work_event_in_force w
        WHERE w.machine_id = %(machine_id)s::bigint AND w.kind IN ('failure', 'replacement')
      ), '-infinity')
    ORDER BY a.measured_at DESC, a.revision DESC
    LIMIT %(reach)s::integer
) newest
WHERE health IS NOT NULL
ORDER BY measured_at DESC
LIMIT 1;

-- name: page_assessments
-- The present assessment of each acquisition, newest first.
SELECT DISTINCT ON (measured_at) measured_at, computed_at, revision, health, learning_progress, operating_state,
       zone, symptom, pdm_component(machine_id, component) AS component, confidence, rule_version
FROM assessment
WHERE machine_id = %(machine_id)s::bigint AND measured_at >= %(since)s::timestamptz
  AND measured_at < %(before)s::timestamptz
ORDER BY measured_at DESC, revision DESC
LIMIT %(limit)s::integer;

-- name: fetch_prognosis
-- The newest prognosis of a machine, of one acquisition where given, or the newest at a time on the wall clock.
SELECT measured_at, computed_at, revision, source, rul AS rul_s, rul_lower AS rul_lower_s,
       rul_upper AS rul_upper_s, level, model_id, reason, evidence
FROM prognosis
WHERE machine_id = %(machine_id)s::bigint AND component = ''
  AND (%(as_of)s::timestamptz IS NULL OR computed_at <= %(as_of)s::timestamptz)
  AND (%(measured_at)s::timestamptz IS NULL OR measured_at = %(measured_at)s::timestamptz)
ORDER BY measured_at DESC, revision DESC
LIMIT 1;

-- name: page_prognoses
-- The present prognosis of each acquisition, newest first.
SELECT DISTINCT ON (measured_at) measured_at, computed_at, revision, source, rul AS rul_s,
       rul_lower AS rul_lower_s, rul_upper AS rul_upper_s, level, model_id, reason
FROM prognosis
WHERE machine_id = %(machine_id)s::bigint AND component = '' AND measured_at >= %(since)s::timestamptz
  AND measured_at < %(before)s::timestamptz
ORDER BY measured_at DESC, revision DESC
LIMIT %(limit)s::integer;
