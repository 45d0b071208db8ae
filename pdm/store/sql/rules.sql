-- name: fetch_rule_change
-- The number of changes of the rules in force.
SELECT number FROM rule_change;

-- name: count_rule_change
-- Count a change of the rules in force, so that workers read them again.
UPDATE rule_change SET number = number + 1;

-- name: lock_rule_sets
-- Lock for one writer of rules at a time: versions are counted before they are created.
SELECT pg_advisory_xact_lock(hashtextextended('pdm.rules', 0));

-- name: fetch_rules_in_force
-- The sets in force for all machines, and for some classes, sites and machines.
SELECT id, scope, target, version, document FROM rule_set
WHERE status = 'in-force' AND (scope = 'all' OR (scope = 'class' AND target = ANY (%(classes)s))
      OR (scope = 'site' AND target = ANY (%(sites)s)) OR (scope = 'machine' AND target = ANY (%(machines)s)));

-- name: insert_rule_set
-- Store a set as the next version of its scope.
INSERT INTO rule_set (scope, target, version, status, document, author, reason, diff)
SELECT %(scope)s::text, %(target)s::text,
       coalesce((SELECT max(version) FROM rule_set WHERE scope = %(scope)s AND target = %(target)s), 0) + 1,
       'proposed', %(document)s, %(author)s, %(reason)s, %(diff)s
RETURNING id, scope, target, version, status, document, author, reason, diff, gate, created_at, in_force_at, retired_at;

-- name: retire_rule_set
-- Retire the set in force in the scope of a set.
UPDATE rule_set r SET status = 'retired', retired_at = %(now)s
FROM rule_set next
WHERE next.id = %(id)s AND r.id <> next.id AND r.scope = next.scope AND r.target = next.target
  AND r.status = 'in-force';

-- name: put_rule_set_in_force
-- Put a set in force.
UPDATE rule_set SET status = 'in-force', in_force_at = %(now)s, retired_at = NULL, gate = coalesce(%(gate)s::jsonb, gate)
WHERE id = %(id)s
RETURNING id, scope, target, version, status, document, author, reason, diff, gate, created_at, in_force_at, retired_at;

-- name: retire_scope
-- Retire the set in force of a scope.
UPDATE rule_set SET status = 'retired', retired_at = %(now)s
WHERE scope = %(scope)s AND target = %(target)s AND status = 'in-force';

-- name: fetch_rule_set
-- One set, if it is of all machines, of a class, or of a site or machine visible to the caller.
SELECT r.id, r.scope, r.target, r.version, r.status, r.document, r.author, r.reason, r.diff, r.gate, r.created_at,
       r.in_force_at, r.retired_at
FROM rule_set r
WHERE r.id = %(id)s
  AND (%(site_ids)s::bigint[] IS NULL OR r.scope IN ('all', 'class')
       OR (r.scope = 'site'
           AND EXISTS (SELECT FROM site s WHERE s.key = r.target AND s.id = ANY (%(site_ids)s::bigint[])))
       OR (r.scope = 'machine'
           AND EXISTS (SELECT FROM machine m WHERE m.key = r.target AND m.site_id = ANY (%(site_ids)s::bigint[]))));

-- name: find_rule_version
-- A version of a scope's set, or the one in force.
SELECT id, scope, target, version, status, document, author, reason, diff, gate, created_at, in_force_at, retired_at
FROM rule_set
WHERE scope = %(scope)s AND target = %(target)s
  AND CASE WHEN %(version)s::integer IS NULL THEN status = 'in-force' ELSE version = %(version)s::integer END;

-- name: page_rule_sets
-- Sets visible to the caller, newest first; invisible ones are excluded before the page is limited.
SELECT r.id, r.scope, r.target, r.version, r.status, r.author, r.reason, r.diff, r.gate, r.created_at, r.in_force_at,
       r.retired_at
FROM rule_set r
WHERE r.id < %(before)s AND (%(scope)s::text IS NULL OR r.scope = %(scope)s::text)
  AND (%(target)s::text IS NULL OR r.target = %(target)s::text)
  AND (%(status)s::text IS NULL OR r.status = %(status)s::text)
  AND (%(site_ids)s::bigint[] IS NULL OR r.scope IN ('all', 'class')
       OR (r.scope = 'site'
           AND EXISTS (SELECT FROM site s WHERE s.key = r.target AND s.id = ANY (%(site_ids)s::bigint[])))
       OR (r.scope = 'machine'
           AND EXISTS (SELECT FROM machine m WHERE m.key = r.target AND m.site_id = ANY (%(site_ids)s::bigint[]))))
ORDER BY r.id DESC LIMIT %(limit)s;

-- name: fetch_rule_keys
-- The keys of the rules of all sets that are in force or proposed and visible to the caller.
SELECT DISTINCT rule ->> 'key'
FROM rule_set r
CROSS JOIN LATERAL jsonb_array_elements(r.document -> 'rules') AS rule
WHERE r.status IN ('in-force', 'proposed')
  AND (%(site_ids)s::bigint[] IS NULL OR r.scope IN ('all', 'class')
       OR (r.scope = 'site'
           AND EXISTS (SELECT FROM site s WHERE s.key = r.target AND s.id = ANY (%(site_ids)s::bigint[])))
       OR (r.scope = 'machine'
           AND EXISTS (SELECT FROM machine m WHERE m.key = r.target AND m.site_id = ANY (%(site_ids)s::bigint[]))));

-- name: fetch_diagnosis_notes
-- Diagnoses of machines within a span, and the newest before it; of several from the same acquisitions the newest.
-- Those of records that were corrected since do not count.
SELECT found.machine_id, found.measured_at, found.findings
FROM unnest(%(machine_ids)s::bigint[], %(since)s::timestamptz[], %(until)s::timestamptz[])
     AS wanted (machine_id, since, until)
CROSS JOIN LATERAL (
    (SELECT d.machine_id, d.measured_at, d.computed_at, d.document -> 'findings' AS findings FROM diagnosis d
     WHERE d.machine_id = wanted.machine_id AND d.measured_at < wanted.since
       AND NOT EXISTS (
         SELECT FROM measurement_correction c LEFT JOIN voided_correction v ON v.correction_id = c.id
         WHERE c.machine_id = d.machine_id AND coalesce(v.recorded_at, c.recorded_at) > d.computed_at
           AND c.begins_at <= d.measured_at AND coalesce(c.ends_at, 'infinity') > d.measured_at)
     ORDER BY d.measured_at DESC, d.computed_at DESC LIMIT 1)
    UNION ALL
    (SELECT DISTINCT ON (d.measured_at) d.machine_id, d.measured_at, d.computed_at, d.document -> 'findings'
     FROM diagnosis d
     WHERE d.machine_id = wanted.machine_id AND d.measured_at >= wanted.since AND d.measured_at <= wanted.until
       AND NOT EXISTS (
         SELECT FROM measurement_correction c LEFT JOIN voided_correction v ON v.correction_id = c.id
         WHERE c.machine_id = d.machine_id AND coalesce(v.recorded_at, c.recorded_at) > d.computed_at
           AND c.begins_at <= d.measured_at AND coalesce(c.ends_at, 'infinity') > d.measured_at)
     ORDER BY d.measured_at, d.computed_at DESC)
) found
ORDER BY found.machine_id, found.measured_at;
