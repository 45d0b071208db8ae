-- name: page_acquisitions
-- The acquisitions of a machine, newest first.
SELECT a.measured_at, a.received_at, a.speed * 60 AS speed_rpm, a.load, a.state, a.missing, a.receipt_id, q.quality
FROM acquisition a
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object('point', p.key, 'quality', c.quality, 'reasons', c.reasons)
                              ORDER BY p.key), '[]') AS quality
    FROM point p JOIN channel_quality c ON c.point_id = p.id AND c.measured_at = a.measured_at
    WHERE p.machine_id = a.machine_id
) q
WHERE a.machine_id = %(machine_id)s::bigint AND a.measured_at >= %(since)s::timestamptz
  AND a.measured_at < %(before)s::timestamptz
ORDER BY a.measured_at DESC
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
