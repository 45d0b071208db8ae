-- name: page_acquisitions
-- The acquisitions of a machine, newest first.
SELECT measured_at, received_at, speed * 60 AS speed_rpm, load, state, missing, receipt_id
FROM acquisition
WHERE machine_id = %(machine_id)s::bigint AND measured_at >= %(since)s::timestamptz
  AND measured_at < %(before)s::timestamptz
ORDER BY measured_at DESC
LIMIT %(limit)s::integer;

-- name: fetch_waveform
-- One channel of one acquisition, as it was sent.
SELECT w.sampling_rate, w.sample_count, w.scale, w.codec, w.payload, w.frame_at, w.frame_offset, w.frame_length
FROM waveform w
WHERE w.point_id = %(point_id)s::bigint AND w.measured_at = %(measured_at)s::timestamptz;

-- name: fetch_last_measured_at
-- The time of a machine's last acquisition.
SELECT max(measured_at) FROM acquisition WHERE machine_id = %(machine_id)s::bigint;

-- name: list_feature_columns
-- The features of a table, in the order in which they were added.
SELECT a.attname::text
FROM pg_attribute a
WHERE a.attrelid = to_regclass(%(table)s::text) AND a.attnum > 0 AND NOT a.attisdropped
  AND a.atttypid = 'real'::regtype
ORDER BY a.attnum;
