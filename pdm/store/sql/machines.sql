-- name: fetch_machine_rows
-- Machines by key with site and line, only of the caller's sites.
SELECT m.id, m.key, l.key AS line, s.key AS site, m.name, m.fleet, m.rated_speed, m.rated_power,
       m.supply_frequency, m.pole_pairs, m.rotor_slots, m.severity_limits, m.planning_horizon, m.baseline_acquisitions,
       m.timeline, m.costs, s.name AS site_name, l.name AS line_name, t.tag, m.retired_at, m.retired_with
FROM machine m
JOIN line l ON l.id = m.line_id
JOIN site s ON s.id = m.site_id
LEFT JOIN machine_tag t ON t.machine_id = m.id
WHERE m.key = ANY (%(keys)s) AND (%(site_ids)s::bigint[] IS NULL OR m.site_id = ANY (%(site_ids)s::bigint[]));

-- name: fetch_component_rows
-- The components of machines, in the order in which they were registered.
SELECT machine_id, id, key, kind, bearing, multipliers, teeth, ratio, part, vanes, blades, belt, name FROM component
WHERE machine_id = ANY (%(machine_ids)s) ORDER BY machine_id, id;

-- name: fetch_point_rows
-- The measurement points of machines, in the order in which they were registered.
SELECT p.machine_id, p.id, p.key, p.quantity, p.unit, p.sampling_rate, p.direction, c.key AS component,
       p.pulses_per_turn, p.name, p.retired_at, p.lowest, p.highest, p.not_a_measurement, p.rate_limit
FROM point p LEFT JOIN component c ON c.id = p.component_id
WHERE p.machine_id = ANY (%(machine_ids)s) ORDER BY p.machine_id, p.id;

-- name: fetch_sensor_rows
-- The replaced sensors of machines, in order of time.
SELECT r.machine_id, p.key, r.replaced_at, r.sampling_rate
FROM replaced_sensor r JOIN point p ON p.id = r.point_id
WHERE r.machine_id = ANY (%(machine_ids)s) ORDER BY r.machine_id, p.id, r.replaced_at;

-- name: lock_registration
-- Lock for one registration at a time: keys, sites and lines are looked up before they are created.
SELECT pg_advisory_xact_lock(hashtextextended('pdm.register', 0));

-- name: upsert_site
-- Find or create a site; an empty name leaves its name.
INSERT INTO site (key, name) VALUES (%(key)s, %(name)s)
ON CONFLICT (key) DO UPDATE SET name = coalesce(nullif(EXCLUDED.name, ''), site.name) RETURNING id;

-- name: upsert_line
-- Find or create a line of a site; an empty name leaves its name.
INSERT INTO line (site_id, key, name) VALUES (%(site_id)s, %(key)s, %(name)s)
ON CONFLICT (site_id, key) DO UPDATE SET name = coalesce(nullif(EXCLUDED.name, ''), line.name) RETURNING id;

-- name: upsert_machine
-- Register a machine or update its description.
INSERT INTO machine (site_id, line_id, key, name, fleet, rated_speed, rated_power, supply_frequency, pole_pairs,
                     rotor_slots, severity_limits, planning_horizon, baseline_acquisitions, timeline, costs)
VALUES (%(site_id)s, %(line_id)s, %(key)s, %(name)s, %(fleet)s, %(rated_speed)s, %(rated_power)s,
        %(supply_frequency)s, %(pole_pairs)s, %(rotor_slots)s, %(severity_limits)s, %(planning_horizon)s,
        %(baseline_acquisitions)s, %(timeline)s, %(costs)s)
ON CONFLICT (key) DO UPDATE SET
    line_id = EXCLUDED.line_id, name = EXCLUDED.name, fleet = EXCLUDED.fleet,
    rated_speed = EXCLUDED.rated_speed, rated_power = EXCLUDED.rated_power,
    supply_frequency = EXCLUDED.supply_frequency, pole_pairs = EXCLUDED.pole_pairs,
    rotor_slots = EXCLUDED.rotor_slots,
    severity_limits = EXCLUDED.severity_limits, planning_horizon = EXCLUDED.planning_horizon,
    baseline_acquisitions = EXCLUDED.baseline_acquisitions, costs = EXCLUDED.costs, updated_at = now()
RETURNING id;

-- name: upsert_component
-- Register a component or update its description.
INSERT INTO component (machine_id, key, kind, bearing, multipliers, teeth, ratio, part, vanes, blades, belt, name)
VALUES (%(machine_id)s, %(key)s, %(kind)s, %(bearing)s, %(multipliers)s, %(teeth)s, %(ratio)s, %(part)s,
        %(vanes)s, %(blades)s, %(belt)s, %(name)s)
ON CONFLICT (machine_id, key) DO UPDATE SET
    kind = EXCLUDED.kind, bearing = EXCLUDED.bearing, multipliers = EXCLUDED.multipliers, teeth = EXCLUDED.teeth, ratio = EXCLUDED.ratio,
    part = EXCLUDED.part, vanes = EXCLUDED.vanes, blades = EXCLUDED.blades, belt = EXCLUDED.belt,
    name = EXCLUDED.name
RETURNING id;

-- name: upsert_point
-- Register a measurement point or update its changeable fields.
INSERT INTO point (machine_id, component_id, key, quantity, unit, sampling_rate, direction, pulses_per_turn, name,
                   lowest, highest, not_a_measurement, rate_limit)
VALUES (%(machine_id)s, %(component_id)s, %(key)s, %(quantity)s, %(unit)s, %(sampling_rate)s, %(direction)s,
        %(pulses_per_turn)s, %(name)s, %(lowest)s, %(highest)s, %(not_a_measurement)s::double precision[],
        %(rate_limit)s)
ON CONFLICT (machine_id, key) DO UPDATE SET
    component_id = EXCLUDED.component_id, direction = EXCLUDED.direction,
    pulses_per_turn = EXCLUDED.pulses_per_turn, name = EXCLUDED.name, lowest = EXCLUDED.lowest,
    highest = EXCLUDED.highest, not_a_measurement = EXCLUDED.not_a_measurement, rate_limit = EXCLUDED.rate_limit
RETURNING id;

-- name: begin_analysis
-- The row of a machine in the analysis, which a worker claims.
INSERT INTO analysis_state (machine_id) VALUES (%(machine_id)s) ON CONFLICT (machine_id) DO NOTHING;

-- name: fetch_site_keys
-- The keys of sites.
SELECT key FROM site WHERE id = ANY (%(site_ids)s);

-- name: find_named_machines
-- Machines of the given sites of which the key, a former key or the tag is one of these names.
SELECT m.key AS machine, t.tag, s.key AS site,
       ARRAY(SELECT DISTINCT r.former_key FROM renaming r
             WHERE r.kind = 'machine' AND r.object_id = m.id AND r.former_key = ANY (%(names)s::text[])) AS former
FROM machine m JOIN site s ON s.id = m.site_id LEFT JOIN machine_tag t ON t.machine_id = m.id
WHERE (m.key = ANY (%(names)s::text[])
       OR m.id IN (SELECT machine_id FROM machine_tag WHERE tag = ANY (%(names)s::text[]))
       OR m.id IN (SELECT object_id FROM renaming WHERE kind = 'machine' AND former_key = ANY (%(names)s::text[])))
  AND (%(site_ids)s::bigint[] IS NULL OR m.site_id = ANY (%(site_ids)s::bigint[]))
ORDER BY m.key;

-- name: upsert_machine_tag
-- The tag of a machine, in place of its former one.
INSERT INTO machine_tag (machine_id, site_id, tag) VALUES (%(machine_id)s::bigint, %(site_id)s::bigint, %(tag)s::text)
ON CONFLICT (machine_id) DO UPDATE SET tag = EXCLUDED.tag;

-- name: list_machine_names
-- Keys and tags of machines of the given sites, for suggestions.
SELECT key FROM machine WHERE %(site_ids)s::bigint[] IS NULL OR site_id = ANY (%(site_ids)s::bigint[])
UNION ALL
SELECT tag FROM machine_tag WHERE %(site_ids)s::bigint[] IS NULL OR site_id = ANY (%(site_ids)s::bigint[])
ORDER BY 1 LIMIT %(limit)s::integer;
