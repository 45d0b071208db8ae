-- name: insert_model
-- Register a model as challenger under the fleet's next version.
INSERT INTO model (name, version, status, indicator_version, body, sha256, metrics, trained_on)
SELECT %(name)s, coalesce(max(version), 0) + 1, 'challenger', %(indicator_version)s, %(body)s, %(sha256)s,
       %(metrics)s, %(trained_on)s
FROM model WHERE name = %(name)s
RETURNING id, version;

-- name: lock_fleet_models
-- Lock for one promotion or registration of a fleet's models at a time.
SELECT pg_advisory_xact_lock(hashtextextended('pdm.model.' || %(name)s, 0));

-- name: retire_champion
-- Retire the champion of the fleet.
UPDATE model SET status = 'retired' WHERE name = %(name)s AND status = 'champion';

-- name: promote_model
-- Make this model the champion.
UPDATE model SET status = 'champion' WHERE id = %(model_id)s::bigint RETURNING name;

-- name: note_model_event
-- A new event of a model, with user and reason.
INSERT INTO model_event (model_id, kind, actor, reason)
VALUES (%(model_id)s::bigint, %(kind)s, %(actor)s, %(reason)s);

-- name: fetch_model_events
-- The events of a model, in order.
SELECT kind, at, actor, reason FROM model_event WHERE model_id = %(model_id)s::bigint ORDER BY id;

-- name: fetch_model_fleet
-- Fleet and input version of a model.
SELECT name, indicator_version FROM model WHERE id = %(model_id)s::bigint;

-- name: fetch_promotions
-- Champions of a fleet, newest first; a rollback removes the newest.
SELECT e.model_id, e.kind, m.indicator_version
FROM model_event e JOIN model m ON m.id = e.model_id
WHERE m.name = %(name)s AND e.kind IN ('promoted', 'rolled-back')
ORDER BY e.id DESC;

-- name: fetch_champion_ids
-- The champions of these fleets.
SELECT name, id FROM model WHERE name = ANY (%(names)s) AND status = 'champion';

-- name: fetch_model_body
-- A model with the checksum to verify before it is parsed.
SELECT body, sha256 FROM model WHERE id = %(model_id)s::bigint;

-- name: fetch_life_marks
-- Lives of a fleet's machines and components that events closed, in order, with the doubts about them.
SELECT m.id, m.key, l.ended_at, l.kind, nullif(l.begun_after, '-infinity'), coalesce(l.component, ''), l.doubt
FROM machine m
LEFT JOIN closed_life l ON l.machine_id = m.id
WHERE m.fleet = %(fleet)s
ORDER BY m.id, l.ended_at, l.id;

-- name: fetch_life_doubts
-- Failures of a fleet's machines whose lives are in doubt.
SELECT m.key, l.id, l.doubt FROM closed_life l JOIN machine m ON m.id = l.machine_id
WHERE m.fleet = %(fleet)s AND l.doubt IS NOT NULL
ORDER BY m.key, l.ended_at, l.id;

-- name: fetch_indicator_course
-- Indicators of a machine over time, of the newest assessments, and those of its lives, by the present key of their
-- component, where it had several.
SELECT DISTINCT ON (measured_at) measured_at, indicators,
       (SELECT jsonb_object_agg(pdm_component(machine_id, life.key), life.value) FROM jsonb_each(life_indicators) life)
FROM assessment
WHERE machine_id = %(machine_id)s AND rule_version = %(rule_version)s
ORDER BY measured_at, revision DESC;

-- name: fetch_training_part
-- A finished member of an unfinished training, with the checksum to verify before it is read.
SELECT body, sha256 FROM training_part WHERE key = %(key)s;

-- name: keep_training_part
-- Store a finished member; a damaged one is replaced.
INSERT INTO training_part (key, fleet, body, sha256) VALUES (%(key)s, %(fleet)s, %(body)s, %(sha256)s)
ON CONFLICT (key) DO UPDATE SET body = excluded.body, sha256 = excluded.sha256;

-- name: delete_training_part
-- Delete one member.
DELETE FROM training_part WHERE key = %(key)s;

-- name: fetch_training_part_keys
-- The stored members of a fleet's trainings.
SELECT key FROM training_part WHERE fleet = %(fleet)s ORDER BY key;

-- name: forget_training_parts
-- Delete the members of a training that is finished or will not be continued.
DELETE FROM training_part WHERE fleet = %(fleet)s;

-- name: note_unreadable_model
-- A model that a worker cannot read, with the reason.
INSERT INTO unreadable_model (model_id, reason) VALUES (%(model_id)s::bigint, %(reason)s::text)
ON CONFLICT (model_id) DO UPDATE SET reason = EXCLUDED.reason, found_at = now();

-- name: forget_unreadable_model
-- A model that can be read.
DELETE FROM unreadable_model WHERE model_id = %(model_id)s::bigint;
