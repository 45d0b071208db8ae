-- name: insert_model
-- Register a model as challenger under the fleet's next version.
INSERT INTO model (name, version, status, indicator_version, body, sha256, metrics, trained_on)
SELECT %(name)s, coalesce(max(version), 0) + 1, 'challenger', %(indicator_version)s, %(body)s, %(sha256)s,
       %(metrics)s, %(trained_on)s
FROM model WHERE name = %(name)s
RETURNING id, version;

-- name: lock_fleet_models
-- One promotion or registration of a fleet's models at a time.
SELECT pg_advisory_xact_lock(hashtextextended('pdm.model.' || %(name)s, 0));

-- name: retire_champion
-- The fleet's champion stands down.
UPDATE model SET status = 'retired' WHERE name = %(name)s AND status = 'champion';

-- name: promote_model
-- This model serves from now on.
UPDATE model SET status = 'champion' WHERE id = %(model_id)s RETURNING name;

-- name: fetch_champion_ids
-- Which models serve these fleets.
SELECT name, id FROM model WHERE name = ANY (%(names)s) AND status = 'champion';

-- name: fetch_model_body
-- A model with the checksum to verify before it is parsed.
SELECT body, sha256, metrics FROM model WHERE id = %(model_id)s;

-- name: fetch_life_marks
-- What closed lives of a fleet's machines, in order.
SELECT m.id, m.key, w.kind, w.occurred_at, c.key
FROM machine m
LEFT JOIN work_event w ON w.machine_id = m.id AND w.kind IN ('failure', 'replacement')
LEFT JOIN component c ON c.id = w.component_id
WHERE m.fleet = %(fleet)s
ORDER BY m.id, w.occurred_at;

-- name: fetch_indicator_course
-- A machine's indicators over time, as last concluded.
SELECT DISTINCT ON (measured_at) measured_at, indicators
FROM assessment
WHERE machine_id = %(machine_id)s AND rule_version = %(rule_version)s
ORDER BY measured_at, revision DESC;
