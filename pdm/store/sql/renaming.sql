-- name: find_named_object
-- A site, line, fleet, machine, component or point by its key, or by one that it had; of a site or a machine if given,
-- and of the given sites.
SELECT o.id, o.key, o.name, o.site_id, o.machine_id, o.retired_at, o.retired_reason
FROM (
    SELECT 'site' AS kind, s.id, s.key, s.name, s.id AS site_id, NULL::bigint AS machine_id, s.retired_at,
           s.retired_reason
    FROM site s
    UNION ALL
    SELECT 'line', l.id, l.key, l.name, l.site_id, NULL, l.retired_at, l.retired_reason FROM line l
    UNION ALL
    SELECT 'fleet', f.id, f.key, f.name, NULL, NULL, f.retired_at, f.retired_reason FROM fleet f
    UNION ALL
    SELECT 'machine', m.id, m.key, m.name, m.site_id, m.id, m.retired_at, m.retired_reason FROM machine m
    UNION ALL
    SELECT 'component', c.id, c.key, c.name, m.site_id, m.id, NULL, NULL
    FROM component c JOIN machine m ON m.id = c.machine_id
    UNION ALL
    SELECT 'point', p.id, p.key, p.name, m.site_id, m.id, p.retired_at, p.retired_reason
    FROM point p JOIN machine m ON m.id = p.machine_id
) o
WHERE o.kind = %(kind)s::text
  AND (%(site_id)s::bigint IS NULL OR o.site_id = %(site_id)s::bigint)
  AND (%(machine_id)s::bigint IS NULL OR o.machine_id = %(machine_id)s::bigint)
  AND (%(site_ids)s::bigint[] IS NULL OR o.site_id IS NULL OR o.site_id = ANY (%(site_ids)s::bigint[]))
  AND (o.key = %(key)s::text
       OR o.id IN (SELECT r.object_id FROM renaming r WHERE r.kind = o.kind AND r.former_key = %(key)s::text))
ORDER BY o.key <> %(key)s::text
LIMIT 1;

-- name: insert_renaming
-- What an object was called and is called from now on.
INSERT INTO renaming (kind, object_id, site_id, machine_id, former_key, key, former_name, name, reason, actor)
VALUES (%(kind)s, %(object_id)s, %(site_id)s, %(machine_id)s, %(former_key)s, %(key)s, %(former_name)s, %(name)s,
        %(reason)s, %(actor)s);

-- name: page_renamings
-- Renamings, the newest first, of a kind or of a machine and its parts if given; row-level security applies.
SELECT r.id, r.kind, s.key AS site, m.key AS machine, r.former_key, r.key, r.former_name, r.name, r.reason, r.actor,
       r.recorded_at
FROM renaming r
LEFT JOIN site s ON s.id = r.site_id
LEFT JOIN machine m ON m.id = r.machine_id
WHERE r.id < %(before)s::bigint
  AND (%(kind)s::text IS NULL OR r.kind = %(kind)s::text)
  AND (%(machine)s::text IS NULL OR m.key = %(machine)s::text)
ORDER BY r.id DESC
LIMIT %(limit)s::integer;

-- name: fetch_former_keys
-- The former keys of all objects with their present ones; lines with their site, components and points with their machine.
SELECT DISTINCT r.kind, CASE r.kind WHEN 'line' THEN s.key WHEN 'component' THEN m.key WHEN 'point' THEN m.key END AS scope,
       r.former_key, coalesce(CASE r.kind WHEN 'site' THEN s.key WHEN 'machine' THEN m.key END, l.key, f.key, c.key, p.key)
           AS key
FROM renaming r
LEFT JOIN site s ON s.id = r.site_id
LEFT JOIN machine m ON m.id = r.machine_id
LEFT JOIN line l ON r.kind = 'line' AND l.id = r.object_id
LEFT JOIN fleet f ON r.kind = 'fleet' AND f.id = r.object_id
LEFT JOIN component c ON r.kind = 'component' AND c.id = r.object_id
LEFT JOIN point p ON r.kind = 'point' AND p.id = r.object_id;

-- name: fetch_former_keys_of_machines
-- The former keys of the components and points of machines, the first one first.
SELECT machine_id, kind, object_id, former_key FROM renaming
WHERE machine_id = ANY (%(machine_ids)s) AND kind IN ('component', 'point') ORDER BY id;

-- name: find_present_keys
-- The present keys of sites or fleets that had one of these keys.
SELECT r.former_key, coalesce(s.key, f.key)
FROM renaming r
LEFT JOIN site s ON r.kind = 'site' AND s.id = r.object_id
LEFT JOIN fleet f ON r.kind = 'fleet' AND f.id = r.object_id
WHERE r.kind = %(kind)s::text AND r.former_key = ANY (%(keys)s::text[])
  AND (%(site_ids)s::bigint[] IS NULL OR r.site_id IS NULL OR r.site_id = ANY (%(site_ids)s::bigint[]));

-- name: find_present_point
-- The present key of a point of a machine by one that it had.
SELECT p.key FROM renaming r JOIN point p ON p.id = r.object_id JOIN machine m ON m.id = r.machine_id
WHERE r.kind = 'point' AND m.key = %(machine)s::text AND r.former_key = %(point)s::text LIMIT 1;

-- name: find_present_line
-- The present key of a line of a site by one that it had.
SELECT l.key FROM renaming r JOIN line l ON l.id = r.object_id JOIN site s ON s.id = r.site_id
WHERE r.kind = 'line' AND s.key = %(site)s::text AND r.former_key = %(line)s::text LIMIT 1;

-- name: register_fleet_row
-- A row for a fleet that machines or models name.
INSERT INTO fleet (key)
SELECT %(key)s::text
WHERE EXISTS (SELECT FROM machine WHERE fleet = %(key)s::text) OR EXISTS (SELECT FROM model WHERE name = %(key)s::text)
ON CONFLICT (key) DO NOTHING;

-- name: is_key_of_fleet
-- Whether machines, models, trainings or rules of a class use a key.
SELECT EXISTS (SELECT FROM machine WHERE fleet = %(key)s::text) OR EXISTS (SELECT FROM model WHERE name = %(key)s::text)
    OR EXISTS (SELECT FROM job WHERE fleet = %(key)s::text)
    OR EXISTS (SELECT FROM live_coverage WHERE fleet = %(key)s::text)
    OR EXISTS (SELECT FROM rule_set WHERE scope = 'class' AND target = %(key)s::text);

-- name: find_running_training
-- The training of a fleet that runs.
SELECT id FROM job WHERE fleet = %(key)s::text AND status = 'running';

-- name: lock_renamed_analyses
-- Wait until no machine of a renamed object is being analysed: what is analysed has the keys of before.
SELECT s.machine_id FROM analysis_state s JOIN machine m ON m.id = s.machine_id
WHERE CASE %(kind)s::text WHEN 'site' THEN m.site_id = %(object_id)s::bigint WHEN 'line' THEN m.line_id = %(object_id)s::bigint
                          WHEN 'fleet' THEN m.fleet = %(former_key)s::text ELSE m.id = %(machine_id)s::bigint END
ORDER BY s.machine_id
FOR UPDATE OF s;

-- name: rename_site
-- The present key and name of a site.
UPDATE site SET key = %(key)s, name = %(name)s WHERE id = %(object_id)s::bigint;

-- name: rename_line
-- The present key and name of a line.
UPDATE line SET key = %(key)s, name = %(name)s WHERE id = %(object_id)s::bigint;

-- name: rename_fleet
-- The present key and name of a fleet.
UPDATE fleet SET key = %(key)s, name = %(name)s WHERE id = %(object_id)s::bigint;

-- name: rename_machine
-- The present key and name of a machine.
UPDATE machine SET key = %(key)s, name = %(name)s, updated_at = now() WHERE id = %(object_id)s::bigint;

-- name: rename_component
-- The present key and name of a component.
UPDATE component SET key = %(key)s, name = %(name)s WHERE id = %(object_id)s::bigint;

-- name: rename_point
-- The present key and name of a point.
UPDATE point SET key = %(key)s, name = %(name)s WHERE id = %(object_id)s::bigint;

-- name: rename_target_of_rules
-- Rules of a site, a machine or a fleet follow its key.
UPDATE rule_set SET target = %(key)s WHERE scope = %(scope)s::text AND target = %(former_key)s;

-- name: rename_fleet_of_machines
-- Machines of a fleet follow its key.
UPDATE machine SET fleet = %(key)s, updated_at = now() WHERE fleet = %(former_key)s;

-- name: rename_fleet_of_models
-- Models of a fleet follow its key.
UPDATE model SET name = %(key)s WHERE name = %(former_key)s;

-- name: rename_fleet_of_jobs
-- Trainings of a fleet follow its key.
UPDATE job SET fleet = %(key)s WHERE fleet = %(former_key)s;

-- name: rename_fleet_of_parts
-- Finished members of a fleet's trainings follow its key.
UPDATE training_part SET fleet = %(key)s WHERE fleet = %(former_key)s;

-- name: rename_fleet_of_coverage
-- The coverage of a fleet's intervals follows its key.
UPDATE live_coverage SET fleet = %(key)s WHERE fleet = %(former_key)s;

-- name: fetch_named_alerts
-- What alerts of a machine name by key.
SELECT id, cause, component, rule_key, inhibited_by, parameters, evidence, points
FROM alert WHERE machine_id = %(machine_id)s::bigint ORDER BY id FOR UPDATE;

-- name: rename_in_alerts
-- Alerts name a component or a point by its present key.
UPDATE alert SET cause = %(cause)s, component = %(component)s, rule_key = %(rule_key)s,
    inhibited_by = %(inhibited_by)s, parameters = %(parameters)s, evidence = %(evidence)s, points = %(points)s
WHERE id = %(id)s::uuid;

-- name: rename_cause_of_holds
-- Holds of a cause follow its key.
UPDATE alert_hold SET cause = %(cause)s WHERE machine_id = %(machine_id)s::bigint AND cause = %(former_cause)s;

-- name: rename_component_of_feedback
-- Feedback on alerts follows the key of a component.
UPDATE alert_feedback SET component = %(key)s
WHERE machine_id = %(machine_id)s::bigint AND component = %(former_key)s;
