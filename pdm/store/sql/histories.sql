-- name: fetch_assessment_columns
-- The present history of a machine, one array per value: binary, because rows in Python cost more than the rules.
SELECT string_agg(timestamptz_send(q.measured_at), ''::bytea) AS times,
       string_agg(float4send(coalesce(q.health, 'NaN')), ''::bytea) AS health,
       string_agg(coalesce(q.zone, ' '), '') AS zones,
       string_agg(q.operating_state, chr(31)) AS states,
       string_agg(coalesce(q.symptom, ''), chr(31)) AS symptoms,
       string_agg(coalesce(q.component, ''), chr(31)) AS components,
       string_agg(float4send(coalesce(q.confidence, 'NaN')), ''::bytea) AS confidence,
       string_agg(coalesce(q.evidence ->> 'reasons', ''), chr(31)) AS reasons,
       string_agg(CASE WHEN q.evidence -> 'operating_states'
                            @> jsonb_build_array(jsonb_build_object('name', q.operating_state, 'declared', true))
                       THEN '1' ELSE '0' END, '') AS declared
FROM (
    SELECT DISTINCT ON (a.measured_at) a.measured_at, a.health, a.zone, a.operating_state, a.symptom, a.component,
           a.confidence, a.evidence
    FROM assessment a
    WHERE a.machine_id = %(machine_id)s AND a.measured_at >= %(since)s AND a.measured_at < %(before)s
    ORDER BY a.measured_at, a.revision DESC
) q;

-- name: fetch_prognosis_columns
-- The present prognoses of a machine, one array per value.
SELECT string_agg(timestamptz_send(q.measured_at), ''::bytea) AS times,
       string_agg(left(q.source, 1), '') AS sources,
       string_agg(float8send(coalesce(q.rul, 'NaN')), ''::bytea) AS rul,
       string_agg(float8send(coalesce(q.rul_lower, 'NaN')), ''::bytea) AS rul_lower,
       string_agg(float8send(coalesce(q.rul_upper, 'NaN')), ''::bytea) AS rul_upper,
       string_agg(float4send(coalesce(q.level, 'NaN')), ''::bytea) AS level,
       string_agg(coalesce(q.evidence ->> 'reasons', ''), chr(31)) AS doubts
FROM (
    SELECT DISTINCT ON (p.measured_at) p.measured_at, p.source, p.rul, p.rul_lower, p.rul_upper, p.level,
           p.evidence
    FROM prognosis p
    WHERE p.machine_id = %(machine_id)s AND p.component = '' AND p.measured_at >= %(since)s
      AND p.measured_at < %(before)s
    ORDER BY p.measured_at, p.revision DESC
) q;

-- name: fetch_scalar_columns
-- The scalars of a point, in its unit; spans as in `fetch_scalar_steps`.
SELECT string_agg(timestamptz_send(q.measured_at), ''::bytea), string_agg(float8send(q.value), ''::bytea)
FROM (
    SELECT s.measured_at, c.gain * s.value + c.shift AS value
    FROM unnest(%(sources)s::bigint[], %(starts)s::timestamptz[], %(ends)s::timestamptz[],
                %(gains)s::double precision[], %(offsets)s::double precision[]) AS c (source, starts, ends, gain, shift)
    JOIN scalar s ON s.point_id = c.source AND s.measured_at >= c.starts AND s.measured_at < c.ends
    WHERE s.measured_at >= %(since)s::timestamptz AND s.measured_at < %(before)s::timestamptz
    ORDER BY s.measured_at
) q;

-- name: fetch_assessed_machines
-- The keys of machines with assessments in a span, with the first and last time.
SELECT m.key, span.first, span.last FROM machine m
JOIN site ON site.id = m.site_id
CROSS JOIN LATERAL (
    SELECT (SELECT min(a.measured_at) FROM assessment a
            WHERE a.machine_id = m.id AND a.measured_at >= %(since)s AND a.measured_at < %(before)s) AS first,
           (SELECT max(a.measured_at) FROM assessment a
            WHERE a.machine_id = m.id AND a.measured_at >= %(since)s AND a.measured_at < %(before)s) AS last
) span
WHERE span.first IS NOT NULL AND (%(machines)s::text[] IS NULL OR m.key = ANY (%(machines)s::text[]))
  AND (%(site_ids)s::bigint[] IS NULL OR m.site_id = ANY (%(site_ids)s::bigint[]))
ORDER BY m.key;

-- name: fetch_past_events
-- The work events of a machine in a span that ended a life, with the component.
SELECT w.occurred_at, w.kind, c.key FROM work_event_in_force w
LEFT JOIN component c ON c.id = w.component_id
WHERE w.machine_id = %(machine_id)s AND w.occurred_at >= %(since)s AND w.occurred_at <= %(before)s
  AND w.kind IN ('failure', 'replacement')
ORDER BY w.occurred_at, w.id;

-- name: fetch_past_holds
-- Suppression of a machine's alerts by design in a span: maintenance windows and out of service. Shelving is excluded,
-- because it depends on the notifications of the rules in force then. A replayed machine has another time.
SELECT h.starts_at, least(coalesce(h.ended_at, h.ends_at, %(before)s), %(before)s) AS ends_at, h.cause
FROM alert_hold h
JOIN machine m ON m.id = %(machine_id)s
WHERE m.timeline = 'live' AND h.kind <> 'shelved' AND h.site_id = m.site_id
  AND coalesce(h.line_id, m.line_id) = m.line_id AND coalesce(h.machine_id, m.id) = m.id
  AND h.starts_at < %(before)s AND coalesce(h.ended_at, h.ends_at, %(before)s) > %(since)s
ORDER BY h.starts_at, h.id;

-- name: fetch_indicator_column
-- The indicators of a machine's present assessments, in the binary form of arrays.
SELECT string_agg(timestamptz_send(q.measured_at), ''::bytea), string_agg(array_send(q.indicators), ''::bytea)
FROM (
    SELECT DISTINCT ON (a.measured_at) a.measured_at, a.indicators FROM assessment a
    WHERE a.machine_id = %(machine_id)s AND a.measured_at >= %(since)s
    ORDER BY a.measured_at, a.revision DESC
) q;
