-- name: fetch_corrections
-- The corrections of measurements in force of machines, in the order in which they were made.
SELECT c.machine_id, c.id, c.field, c.value, c.registered, c.begins_at, c.ends_at, c.point_id, c.swapped_with,
       k.key AS component, p.quantity, p.unit
FROM measurement_correction c
LEFT JOIN point p ON p.id = c.point_id
LEFT JOIN component k ON k.id = c.component_id
WHERE c.machine_id = ANY (%(machine_ids)s::bigint[])
  AND NOT EXISTS (SELECT FROM voided_correction v WHERE v.correction_id = c.id)
ORDER BY c.machine_id, c.id;

-- name: list_corrections
-- All corrections of the measurements of a machine, newest first, with their progress.
SELECT c.id, p.key AS point, k.key AS component, c.field, c.value, c.registered, c.begins_at, c.ends_at,
       c.not_corrected_until, c.reason, c.actor, c.recorded_at, v.reason AS voided_reason, v.actor AS voided_by,
       v.recorded_at AS voided_at, v.not_corrected_until AS not_reverted_until, r.machine_id IS NOT NULL AS is_computed, r.reached,
       s.is_corrected AND s.dirty_from IS NOT NULL AS is_concluded
FROM measurement_correction c
LEFT JOIN point p ON p.id = c.point_id
LEFT JOIN component k ON k.id = c.component_id
LEFT JOIN voided_correction v ON v.correction_id = c.id
LEFT JOIN recalculation r ON r.machine_id = c.machine_id
LEFT JOIN analysis_state s ON s.machine_id = c.machine_id
WHERE c.machine_id = %(machine_id)s::bigint AND c.id < %(before_id)s::bigint
ORDER BY c.id DESC LIMIT %(limit)s::integer;

-- name: lock_analysis
-- Lock the analysis of a machine until the transaction ends: no worker reads its records.
SELECT last_measured_at FROM analysis_state WHERE machine_id = %(machine_id)s::bigint FOR UPDATE;

-- name: insert_correction
-- A correction of measurements of a machine.
INSERT INTO measurement_correction (machine_id, point_id, component_id, swapped_with, field, value, registered, begins_at,
                                    ends_at, not_corrected_until, reason, actor)
VALUES (%(machine_id)s, %(point_id)s, %(component_id)s, %(swapped_with)s, %(field)s, %(value)s, %(registered)s,
        %(begins_at)s, %(ends_at)s, %(not_corrected_until)s, %(reason)s, %(actor)s)
RETURNING id;

-- name: void_correction
-- Take a correction of measurements back; no row if it was voided before.
INSERT INTO voided_correction (correction_id, not_corrected_until, reason, actor)
VALUES (%(correction_id)s::bigint, %(not_corrected_until)s, %(reason)s, %(actor)s)
ON CONFLICT (correction_id) DO NOTHING RETURNING correction_id;

-- name: find_first_waveform
-- The oldest stored waveform of some points in a span.
SELECT min(measured_at) FROM waveform
WHERE point_id = ANY (%(point_ids)s::bigint[]) AND measured_at >= %(since)s::timestamptz
  AND measured_at < coalesce(%(before)s::timestamptz, 'infinity');

-- name: find_last_features
-- The newest features of some points in a span.
SELECT greatest(
    (SELECT max(measured_at) FROM feature_vibration_v1
     WHERE point_id = ANY (%(point_ids)s::bigint[]) AND measured_at >= %(since)s::timestamptz
       AND measured_at < coalesce(%(before)s::timestamptz, 'infinity')),
    (SELECT max(measured_at) FROM feature_current_v1
     WHERE point_id = ANY (%(point_ids)s::bigint[]) AND measured_at >= %(since)s::timestamptz
       AND measured_at < coalesce(%(before)s::timestamptz, 'infinity')));

-- name: request_recalculation
-- Compute features and quality of a machine again from a time on; one that is under way starts again.
INSERT INTO recalculation AS r (machine_id, since)
SELECT s.machine_id, %(since)s::timestamptz FROM analysis_state s
WHERE s.machine_id = %(machine_id)s::bigint AND s.last_measured_at >= %(since)s::timestamptz
ON CONFLICT (machine_id) DO UPDATE
SET since = least(r.since, EXCLUDED.since), reached = NULL, memories = '{}', requested_at = now();

-- name: fetch_recalculation
-- From when on features of a machine are computed again, how far this has come, and what is remembered of its channels.
SELECT since, reached, memories FROM recalculation WHERE machine_id = %(machine_id)s::bigint;

-- name: save_recalculation
-- How far the recalculation of a machine has come; the machine lets others pass.
WITH touched AS (
    UPDATE analysis_state SET updated_at = clock_timestamp() WHERE machine_id = %(machine_id)s::bigint
)
UPDATE recalculation SET reached = %(reached)s::timestamptz, memories = %(memories)s
WHERE machine_id = %(machine_id)s::bigint;

-- name: finish_recalculation
-- Features of a machine were computed again.
DELETE FROM recalculation WHERE machine_id = %(machine_id)s::bigint;

-- name: page_analysed_times
-- The next acquisitions of a machine after a time and up to another, oldest first; without queued ones, and without failed
-- ones but those that are only too old to be assessed.
SELECT a.measured_at FROM acquisition a
WHERE a.machine_id = %(machine_id)s AND a.measured_at > %(after)s AND a.measured_at <= %(until)s
  AND NOT EXISTS (SELECT FROM pending p WHERE p.machine_id = a.machine_id AND p.measured_at = a.measured_at)
  AND NOT EXISTS (
    SELECT FROM set_aside s
    WHERE s.machine_id = a.machine_id AND s.measured_at = a.measured_at AND s.reason <> %(beyond)s
  )
ORDER BY a.measured_at LIMIT %(limit)s;

-- name: fetch_times_before
-- The last acquisitions of a machine before a time that were analysed, oldest first.
SELECT measured_at FROM (
    SELECT a.measured_at FROM acquisition a
    WHERE a.machine_id = %(machine_id)s AND a.measured_at < %(before)s
      AND NOT EXISTS (SELECT FROM pending p WHERE p.machine_id = a.machine_id AND p.measured_at = a.measured_at)
      AND NOT EXISTS (SELECT FROM set_aside s WHERE s.machine_id = a.machine_id AND s.measured_at = a.measured_at)
    ORDER BY a.measured_at DESC LIMIT %(limit)s
) q ORDER BY measured_at;

-- name: fetch_uncorrected_points
-- Points of a machine of which features before a time, or a later one, were not corrected.
SELECT p.id FROM measurement_correction c
JOIN point p ON p.machine_id = c.machine_id AND (p.id IN (c.point_id, c.swapped_with) OR p.component_id = c.component_id)
LEFT JOIN voided_correction v ON v.correction_id = c.id
WHERE c.machine_id = %(machine_id)s::bigint
  AND CASE WHEN v.correction_id IS NULL THEN c.not_corrected_until ELSE v.not_corrected_until END >= %(at)s::timestamptz;

-- name: forget_vibration_features
-- Remove features of points at times of which the record was another point's.
DELETE FROM feature_vibration_v1 WHERE point_id = ANY (%(point_ids)s::bigint[])
  AND measured_at = ANY (%(measured_at)s::timestamptz[]) AND measured_at BETWEEN %(first)s AND %(last)s;

-- name: forget_current_features
-- Remove features of points at times of which the record was another point's.
DELETE FROM feature_current_v1 WHERE point_id = ANY (%(point_ids)s::bigint[])
  AND measured_at = ANY (%(measured_at)s::timestamptz[]) AND measured_at BETWEEN %(first)s AND %(last)s;

-- name: fetch_stored_times
-- Those of some times at which a waveform of one of some points is stored.
SELECT DISTINCT measured_at FROM waveform
WHERE point_id = ANY (%(point_ids)s::bigint[]) AND measured_at = ANY (%(measured_at)s::timestamptz[])
  AND measured_at BETWEEN %(first)s AND %(last)s;

-- name: fetch_swapped_points
-- Points of a machine that were ever swapped, also by a correction that was voided.
SELECT point_id FROM measurement_correction WHERE machine_id = %(machine_id)s::bigint AND field = 'swap_with'
UNION
SELECT swapped_with FROM measurement_correction WHERE machine_id = %(machine_id)s::bigint AND field = 'swap_with'
ORDER BY 1;
