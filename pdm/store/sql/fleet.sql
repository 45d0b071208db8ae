-- name: page_machines
-- Machines by key, after a cursor, in use or retired, of a site or line if given, by its key or a former one;
-- row-level security applies.
SELECT m.id, m.key AS machine, s.key AS site, l.key AS line, m.name, s.name AS site_name, l.name AS line_name, t.tag,
       m.fleet, coalesce(f.name, '') AS fleet_name, m.timeline
FROM machine m JOIN site s ON s.id = m.site_id JOIN line l ON l.id = m.line_id
LEFT JOIN machine_tag t ON t.machine_id = m.id
LEFT JOIN fleet f ON f.key = m.fleet
WHERE m.key > %(after)s::text
  AND (%(site)s::text IS NULL OR s.key = %(site)s::text
       OR s.id IN (SELECT object_id FROM renaming WHERE kind = 'site' AND former_key = %(site)s::text))
  AND (%(line)s::text IS NULL OR l.key = %(line)s::text
       OR l.id IN (SELECT object_id FROM renaming WHERE kind = 'line' AND former_key = %(line)s::text))
  AND (m.retired_at IS NOT NULL) = %(retired)s::boolean
ORDER BY m.key
LIMIT %(limit)s::integer;

-- name: find_machine
-- One registered machine; row-level security applies.
SELECT m.id, m.key AS machine, s.key AS site, l.key AS line, m.name, s.name AS site_name, l.name AS line_name, t.tag,
       m.fleet, coalesce(f.name, '') AS fleet_name, m.timeline,
       m.rated_speed * 60 AS rated_speed_rpm, m.rated_power / 1000 AS rated_power_kw,
       m.supply_frequency AS supply_frequency_hz, m.pole_pairs, m.rotor_slots, m.severity_limits,
       m.planning_horizon / 3600 AS planning_horizon_h, m.baseline_acquisitions, m.created_at, m.updated_at,
       m.retired_at, m.retired_reason, m.retired_with,
       ARRAY(SELECT DISTINCT r.former_key FROM renaming r
             WHERE r.kind = 'machine' AND r.object_id = m.id AND r.former_key <> m.key ORDER BY 1) AS former_keys
FROM machine m JOIN site s ON s.id = m.site_id JOIN line l ON l.id = m.line_id
LEFT JOIN machine_tag t ON t.machine_id = m.id
LEFT JOIN fleet f ON f.key = m.fleet
WHERE m.key = %(machine)s::text;

-- name: list_components
-- The components of a machine.
SELECT key AS component, name, kind, coalesce(bearing, multipliers) AS bearing, teeth, ratio, vanes, blades, belt,
       ARRAY(SELECT DISTINCT r.former_key FROM renaming r
             WHERE r.kind = 'component' AND r.object_id = c.id AND r.former_key <> c.key ORDER BY 1) AS former_keys
FROM component c WHERE machine_id = %(machine_id)s::bigint ORDER BY id;

-- name: list_points
-- The measurement points of a machine in use; row-level security applies.
SELECT p.id, p.key AS point, p.name, p.quantity, p.unit, p.sampling_rate AS sampling_rate_hz, p.direction,
       c.key AS component, p.pulses_per_turn,
       CASE WHEN p.lowest IS NOT NULL OR p.highest IS NOT NULL
           THEN jsonb_build_object('lowest', p.lowest, 'highest', p.highest) END AS "range",
       coalesce(p.not_a_measurement, '{}') AS not_a_measurement, p.rate_limit AS rate_limit_per_s,
       ARRAY(SELECT DISTINCT r.former_key FROM renaming r
             WHERE r.kind = 'point' AND r.object_id = p.id AND r.former_key <> p.key ORDER BY 1) AS former_keys
FROM point p LEFT JOIN component c ON c.id = p.component_id
WHERE p.machine_id = %(machine_id)s::bigint AND p.retired_at IS NULL
ORDER BY p.id;

-- name: list_point_keys
-- Keys of the points of a machine by its key, for suggestions; row-level security applies.
SELECT p.key FROM point p JOIN machine m ON m.id = p.machine_id WHERE m.key = %(machine)s::text ORDER BY p.id;

-- name: find_point
-- One measurement point of a machine by its key; row-level security applies.
SELECT p.id, p.key AS point, p.quantity, p.unit, p.sampling_rate AS sampling_rate_hz
FROM point p JOIN machine m ON m.id = p.machine_id
WHERE m.key = %(machine)s::text AND p.key = %(point)s::text;

-- name: fetch_current_verdicts
-- For each of these machines its newest assessment, or what the last one with a verdict on health in the present life
-- concluded, its prognosis and its worst open alert.
SELECT w.machine_id, a.measured_at, coalesce(j.measured_at, CASE WHEN a.health IS NOT NULL THEN a.measured_at END)
           AS judged_at,
       coalesce(a.health, j.health) AS health,
       CASE WHEN j.health IS NOT NULL AND a.learning_progress = 0 THEN j.learning_progress ELSE a.learning_progress END
           AS learning_progress,
       CASE WHEN j.health IS NOT NULL AND a.operating_state = 'unknown' THEN j.operating_state ELSE a.operating_state END
           AS operating_state,
       CASE WHEN j.health IS NOT NULL THEN j.zone ELSE a.zone END AS zone,
       CASE WHEN j.health IS NOT NULL THEN j.symptom ELSE a.symptom END AS symptom,
       coalesce(c.key, CASE WHEN j.health IS NOT NULL THEN j.component ELSE a.component END) AS component,
       c.name AS component_name,
       CASE WHEN j.health IS NOT NULL THEN j.confidence ELSE a.confidence END AS confidence,
       p.rul AS rul_s, p.rul_lower AS rul_lower_s, p.rul_upper AS rul_upper_s,
       p.source AS rul_source, o.id AS alert_id, o.severity AS alert_severity, o.state AS alert_state
FROM unnest(%(machine_ids)s::bigint[]) AS w (machine_id)
LEFT JOIN LATERAL (
    SELECT * FROM assessment x WHERE x.machine_id = w.machine_id
    ORDER BY x.measured_at DESC, x.revision DESC LIMIT 1
) a ON true
LEFT JOIN LATERAL (
    SELECT * FROM (
        SELECT DISTINCT ON (x.measured_at) x.* FROM assessment x
        WHERE a.health IS NULL AND x.machine_id = w.machine_id AND x.measured_at > coalesce((
            SELECT max(e.occurred_at) FROM work_event_in_force e
            WHERE e.machine_id = w.machine_id AND e.kind IN ('failure', 'replacement')
        ), '-infinity')
        ORDER BY x.measured_at DESC, x.revision DESC LIMIT %(reach)s::integer
    ) newest
    WHERE newest.health IS NOT NULL ORDER BY newest.measured_at DESC LIMIT 1
) j ON true
LEFT JOIN component c
    ON c.machine_id = w.machine_id
    AND c.key = pdm_component(w.machine_id, CASE WHEN j.health IS NOT NULL THEN j.component ELSE a.component END)
LEFT JOIN LATERAL (
    SELECT * FROM prognosis x WHERE x.machine_id = w.machine_id AND x.component = ''
      AND (j.measured_at IS NULL OR x.measured_at = j.measured_at)
    ORDER BY x.measured_at DESC, x.revision DESC LIMIT 1
) p ON true
LEFT JOIN LATERAL (
    SELECT * FROM alert x WHERE x.machine_id = w.machine_id AND x.state <> 'normal'
    ORDER BY array_position(ARRAY['critical', 'warning', 'advisory'], x.severity), x.raised_at LIMIT 1
) o ON true;

-- name: fetch_standings
-- For each of these machines the last values in a steady state; a machine at standstill keeps them.
SELECT m.id AS machine_id, m.planning_horizon, a.measured_at, a.health, a.zone, a.symptom,
       pdm_component(m.id, a.component) AS component, c.name AS component_name, p.rul_lower
FROM machine m
LEFT JOIN LATERAL (
    SELECT * FROM (
        SELECT measured_at, health, zone, symptom, component, operating_state, learning_progress FROM assessment x
        WHERE x.machine_id = m.id ORDER BY x.measured_at DESC, x.revision DESC LIMIT %(reach)s::integer
    ) newest
    WHERE operating_state <> ALL (%(unjudged)s::text[]) AND (health IS NOT NULL OR learning_progress > 0) LIMIT 1
) a ON true
LEFT JOIN component c ON c.machine_id = m.id AND c.key = pdm_component(m.id, a.component)
LEFT JOIN LATERAL (
    SELECT rul_lower FROM prognosis x WHERE x.machine_id = m.id AND x.component = ''
    ORDER BY x.measured_at DESC, x.revision DESC LIMIT 1
) p ON true
WHERE m.id = ANY (%(machine_ids)s::bigint[]);

-- name: count_waiting
-- The number of queued and of failed acquisitions; a replay of late data counts as one, a retired machine as none.
SELECT (SELECT count(*) FROM pending p JOIN machine m ON m.id = p.machine_id WHERE m.retired_at IS NULL)
           + (SELECT count(*) FROM analysis_state s JOIN machine m ON m.id = s.machine_id
              WHERE (s.dirty_from IS NOT NULL OR EXISTS (SELECT FROM recalculation r WHERE r.machine_id = s.machine_id))
                AND m.retired_at IS NULL) AS pending,
       (SELECT count(*) FROM set_aside) AS set_aside;

-- name: count_for_metrics
-- Gauges read from the database.
SELECT (SELECT count(*) FROM pending) AS pending,
       (SELECT count(*) FROM set_aside) AS set_aside,
       (SELECT count(*) FROM analysis_hold) AS machines_on_hold,
       (SELECT count(*) FROM analysis_state s JOIN machine m ON m.id = s.machine_id
        WHERE s.dirty_from IS NOT NULL AND m.retired_at IS NULL) AS reanalyses,
       (SELECT coalesce(extract(epoch FROM now() - min(s.dirty_since)), 0)::float8
        FROM analysis_state s JOIN machine m ON m.id = s.machine_id
        WHERE s.dirty_from IS NOT NULL AND m.retired_at IS NULL) AS oldest_reanalysis_s,
       (SELECT coalesce(sum(r.done)::float8 / nullif(sum(r.acquisitions), 0), 1)
        FROM reanalysis_progress r JOIN analysis_state s ON s.machine_id = r.machine_id
        WHERE s.dirty_from IS NOT NULL) AS reanalysis_share,
       (SELECT count(*) FROM unreadable_model u JOIN model m ON m.id = u.model_id WHERE m.status = 'champion')
           AS models_unreadable,
       (SELECT count(*) FROM worker_death WHERE died_at > now() - INTERVAL '1 day') AS worker_deaths_last_day,
       (SELECT count(*) FROM quarantine) AS quarantined,
       (SELECT count(*) FROM machine WHERE retired_at IS NULL) AS machines,
       (SELECT count(*) FROM diagnosis_due WHERE error IS NULL) AS diagnoses_waiting,
       (SELECT count(*) FROM diagnosis_due WHERE error IS NOT NULL) AS diagnoses_failed,
       (SELECT count(*) FROM outbox WHERE delivered_at IS NULL AND dead_at IS NULL) AS undelivered,
       (SELECT count(*) FROM outbox WHERE dead_at IS NOT NULL) AS dead_letters,
       (SELECT coalesce(extract(epoch FROM now() - min(enqueued_at)), 0)::float8 FROM pending) AS oldest_pending_s,
       (SELECT coalesce(sum(bytes_before - chunk_bytes - frame_bytes), 0)::float8
        FROM cold_chunk WHERE finished_at IS NOT NULL) AS cold_saved_bytes,
       (SELECT count(*) FROM cold_chunk WHERE finished_at IS NULL) AS cold_unfinished;

-- name: count_open_alerts
-- Open alerts by severity.
SELECT severity, count(*) FROM alert WHERE state <> 'normal' GROUP BY severity;

-- name: find_schema
-- Whether the database is migrated: the name of one relation, or NULL.
SELECT to_regclass('api_key')::text;
