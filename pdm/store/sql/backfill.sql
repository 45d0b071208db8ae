-- name: fetch_backfill_machines
-- Machines with waveforms of a quantity, one of them or all.
SELECT m.key FROM machine m
WHERE (%(machine)s::text IS NULL OR m.key = %(machine)s::text)
  AND EXISTS (
    SELECT FROM point p WHERE p.machine_id = m.id AND p.quantity = %(quantity)s::text AND p.sampling_rate IS NOT NULL
  )
ORDER BY m.key;

-- name: count_waveforms
-- The number of waveforms of some points in a time range.
SELECT count(*) FROM waveform
WHERE point_id = ANY (%(point_ids)s::bigint[])
  AND measured_at >= %(since)s::timestamptz AND measured_at < %(before)s::timestamptz;

-- name: page_waveform_times
-- The earliest waveform times of some points: each point gives its earliest times, of which the earliest are
-- complete. Read from the end of the index, independent of the amount of data.
SELECT DISTINCT w.measured_at
FROM unnest(%(point_ids)s::bigint[]) AS p (point_id)
CROSS JOIN LATERAL (
    SELECT measured_at FROM waveform
    WHERE point_id = p.point_id
      AND measured_at >= %(since)s::timestamptz AND measured_at < %(before)s::timestamptz
    ORDER BY measured_at LIMIT %(limit)s::integer
) w
ORDER BY w.measured_at LIMIT %(limit)s::integer;

-- name: fetch_vibration_backlog
-- The status of the waveforms of a machine's points between two times in a feature version.
SELECT w.point_id, w.measured_at,
       CASE WHEN f.has_version THEN 'present'
            WHEN EXISTS (
                SELECT FROM pending q WHERE q.machine_id = %(machine_id)s::bigint AND q.measured_at = w.measured_at
            ) THEN 'waiting'
            WHEN f.point_id IS NULL AND EXISTS (
                SELECT FROM set_aside s WHERE s.machine_id = %(machine_id)s::bigint AND s.measured_at = w.measured_at
            ) THEN 'set aside'
            ELSE 'lacking' END
FROM waveform w
LEFT JOIN (
    SELECT point_id, measured_at, bool_or(feature_version = %(version)s::smallint) AS has_version
    FROM feature_vibration_v1
    WHERE point_id = ANY (%(point_ids)s::bigint[])
      AND measured_at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
    GROUP BY point_id, measured_at
) f ON f.point_id = w.point_id AND f.measured_at = w.measured_at
WHERE w.point_id = ANY (%(point_ids)s::bigint[])
  AND w.measured_at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
ORDER BY w.measured_at, w.point_id;

-- name: fetch_current_backlog
-- The status of the waveforms of a machine's points between two times in a feature version.
SELECT w.point_id, w.measured_at,
       CASE WHEN f.has_version THEN 'present'
            WHEN EXISTS (
                SELECT FROM pending q WHERE q.machine_id = %(machine_id)s::bigint AND q.measured_at = w.measured_at
            ) THEN 'waiting'
            WHEN f.point_id IS NULL AND EXISTS (
                SELECT FROM set_aside s WHERE s.machine_id = %(machine_id)s::bigint AND s.measured_at = w.measured_at
            ) THEN 'set aside'
            ELSE 'lacking' END
FROM waveform w
LEFT JOIN (
    SELECT point_id, measured_at, bool_or(feature_version = %(version)s::smallint) AS has_version
    FROM feature_current_v1
    WHERE point_id = ANY (%(point_ids)s::bigint[])
      AND measured_at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
    GROUP BY point_id, measured_at
) f ON f.point_id = w.point_id AND f.measured_at = w.measured_at
WHERE w.point_id = ANY (%(point_ids)s::bigint[])
  AND w.measured_at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
ORDER BY w.measured_at, w.point_id;

-- name: is_anything_pending
-- Whether acquisitions wait for analysis.
SELECT EXISTS (SELECT FROM pending);

-- name: fetch_continuous_aggregate
-- The name of a view if it is a continuous aggregate.
SELECT view_name FROM timescaledb_information.continuous_aggregates
WHERE view_schema = current_schema() AND view_name = %(name)s::text;
