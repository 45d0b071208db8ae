-- name: fetch_diagnosis_watches
-- What has been seen of machines since their last regular diagnosis.
SELECT machine_id, measured_at, is_severe, told FROM diagnosis_watch WHERE machine_id = ANY (%(machine_ids)s::bigint[]);

-- name: save_diagnosis_watch
-- Remember what has been seen of a machine since its last regular diagnosis.
INSERT INTO diagnosis_watch (machine_id, measured_at, is_severe, told)
VALUES (%(machine_id)s, %(measured_at)s, %(is_severe)s, %(told)s::text[])
ON CONFLICT (machine_id) DO UPDATE
SET measured_at = EXCLUDED.measured_at, is_severe = EXCLUDED.is_severe, told = EXCLUDED.told;

-- name: ask_for_diagnosis
-- Let a machine be diagnosed; what waits for the same reason is replaced, and what failed may be tried again.
INSERT INTO diagnosis_due (machine_id, is_requested, cause, as_of, records)
VALUES (%(machine_id)s, %(is_requested)s, %(cause)s, %(as_of)s::timestamptz, %(records)s)
ON CONFLICT (machine_id, is_requested) DO UPDATE
SET cause = EXCLUDED.cause, as_of = EXCLUDED.as_of, records = EXCLUDED.records, asked_at = clock_timestamp(),
    attempts = 0, not_before = now(), error = NULL
RETURNING asked_at;

-- name: claim_diagnosis
-- Claim one diagnosis that is due and count the attempt: requests of people first, the regular ones last.
WITH next AS MATERIALIZED (
    SELECT machine_id, is_requested FROM diagnosis_due
    WHERE not_before <= now() AND attempts < %(most_attempts)s::integer
      AND (is_requested OR %(unasked)s::boolean)
    ORDER BY is_requested DESC, cause = 'interval', asked_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE diagnosis_due d
SET attempts = d.attempts + 1,
    not_before = now() + (%(waits)s::interval[])[least(d.attempts + 1, cardinality(%(waits)s::interval[]))]
FROM next JOIN machine m ON m.id = next.machine_id
WHERE d.machine_id = next.machine_id AND d.is_requested = next.is_requested
RETURNING d.machine_id, m.key, d.is_requested, d.cause, d.as_of, d.records, d.asked_at;

-- name: finish_diagnosis
-- A diagnosis is no longer due, unless it was requested again since the claim.
DELETE FROM diagnosis_due
WHERE machine_id = %(machine_id)s AND is_requested = %(is_requested)s AND asked_at = %(asked_at)s;

-- name: fail_diagnosis
-- Store why a diagnosis could not be computed; a final failure is not tried again.
UPDATE diagnosis_due SET error = %(error)s, attempts = greatest(attempts, %(attempts)s::integer)
WHERE machine_id = %(machine_id)s AND is_requested = %(is_requested)s AND asked_at = %(asked_at)s;

-- name: fetch_diagnosable
-- The newest acquisitions of a machine up to a time, with the operating state and whether its baseline knew it.
SELECT a.measured_at, a.missing, x.operating_state, x.learning_progress >= 1.0
FROM (
    SELECT measured_at, missing FROM acquisition
    WHERE machine_id = %(machine_id)s::bigint AND measured_at <= %(as_of)s::timestamptz
    ORDER BY measured_at DESC LIMIT %(limit)s::integer
) a
LEFT JOIN LATERAL (
    SELECT operating_state, learning_progress FROM assessment
    WHERE machine_id = %(machine_id)s::bigint AND measured_at = a.measured_at
    ORDER BY revision DESC LIMIT 1
) x ON true
ORDER BY a.measured_at DESC;

-- name: insert_diagnosis
-- Store a diagnosis; earlier ones remain.
INSERT INTO diagnosis (machine_id, measured_at, computed_at, cause, rule_version, acquisitions, document)
VALUES (%(machine_id)s, %(measured_at)s, clock_timestamp(), %(cause)s, %(rule_version)s,
        %(acquisitions)s::timestamptz[], %(document)s);

-- name: fetch_diagnosis
-- The newest diagnosis of a machine from acquisitions up to a time, without those of records that were corrected since.
SELECT measured_at, computed_at, cause, rule_version, acquisitions, document
FROM diagnosis d
WHERE machine_id = %(machine_id)s::bigint AND measured_at <= %(at)s::timestamptz
  AND NOT EXISTS (
    SELECT FROM measurement_correction c LEFT JOIN voided_correction v ON v.correction_id = c.id
    WHERE c.machine_id = d.machine_id AND coalesce(v.recorded_at, c.recorded_at) > d.computed_at
      AND c.begins_at <= d.measured_at AND coalesce(c.ends_at, 'infinity') > d.measured_at
  )
ORDER BY measured_at DESC, computed_at DESC
LIMIT 1;

-- name: fetch_last_diagnosed
-- When a machine was last diagnosed, on its own timeline.
SELECT max(measured_at) FROM diagnosis WHERE machine_id = %(machine_id)s::bigint;

-- name: fetch_diagnosis_due
-- The diagnosis of a machine that was requested and is not computed yet: requests of people before regular ones.
SELECT cause, as_of, asked_at, attempts >= %(most_attempts)s::integer AS is_given_up, error
FROM diagnosis_due WHERE machine_id = %(machine_id)s::bigint
ORDER BY is_requested DESC LIMIT 1;
