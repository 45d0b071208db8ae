-- name: fetch_analysed_machines
-- The keys of machines by id.
SELECT id, key FROM machine WHERE id = ANY (%(machine_ids)s);

-- name: fetch_claimed_acquisitions
-- Context of the acquisitions of a claim; the bounds let TimescaleDB skip chunks.
SELECT a.machine_id, a.measured_at, a.speed, a.load, a.state, a.missing
FROM unnest(%(machine_ids)s::bigint[], %(measured_at)s::timestamptz[]) AS c (machine_id, measured_at)
JOIN acquisition a ON a.machine_id = c.machine_id AND a.measured_at = c.measured_at
WHERE a.measured_at BETWEEN %(first)s AND %(last)s;

-- name: fetch_claimed_waveforms
-- All waveforms of the acquisitions of a claim, without those of retired points.
SELECT w.point_id, w.measured_at, w.sampling_rate, w.sample_count, w.scale, w.codec, w.payload,
       w.frame_at, w.frame_offset, w.frame_length, c.machine_id
FROM unnest(%(machine_ids)s::bigint[], %(measured_at)s::timestamptz[]) AS c (machine_id, measured_at)
JOIN point p ON p.machine_id = c.machine_id AND p.sampling_rate IS NOT NULL AND p.retired_at IS NULL
JOIN waveform w ON w.point_id = p.id AND w.measured_at = c.measured_at
WHERE w.measured_at BETWEEN %(first)s AND %(last)s
ORDER BY w.point_id, w.measured_at;

-- name: fetch_claimed_scalars
-- All scalars of the acquisitions of a claim, in the points' units, without those of retired points.
SELECT s.point_id, s.measured_at, s.value, c.machine_id
FROM unnest(%(machine_ids)s::bigint[], %(measured_at)s::timestamptz[]) AS c (machine_id, measured_at)
JOIN point p ON p.machine_id = c.machine_id AND p.sampling_rate IS NULL AND p.retired_at IS NULL
JOIN scalar s ON s.point_id = p.id AND s.measured_at = c.measured_at
WHERE s.measured_at BETWEEN %(first)s AND %(last)s;

-- name: fetch_times_between
-- Acquisition times of a machine after one time and up to another, oldest first; without queued and failed
-- acquisitions.
SELECT a.measured_at FROM acquisition a
WHERE a.machine_id = %(machine_id)s AND a.measured_at > %(after)s AND a.measured_at <= %(until)s
  AND NOT EXISTS (SELECT FROM pending p WHERE p.machine_id = a.machine_id AND p.measured_at = a.measured_at)
  AND NOT EXISTS (SELECT FROM set_aside s WHERE s.machine_id = a.machine_id AND s.measured_at = a.measured_at)
ORDER BY a.measured_at;

-- name: fetch_life_ends
-- The work events that closed a life of these machines after the time given for each, with the component.
SELECT w.machine_id, w.occurred_at, k.key
FROM unnest(%(machine_ids)s::bigint[], %(after)s::timestamptz[]) AS c (machine_id, after)
JOIN work_event_in_force w ON w.machine_id = c.machine_id
LEFT JOIN component k ON k.id = w.component_id
WHERE w.kind IN ('failure', 'replacement') AND w.occurred_at > c.after
ORDER BY w.machine_id, w.occurred_at, w.id;

-- name: fetch_replaced_sensors
-- Sensors of these machines that were replaced after the time given for each, and points whose features are corrected
-- after it and not before.
SELECT r.machine_id, r.replaced_at, p.key
FROM unnest(%(machine_ids)s::bigint[], %(after)s::timestamptz[]) AS c (machine_id, after)
JOIN replaced_sensor r ON r.machine_id = c.machine_id AND r.replaced_at > c.after
JOIN point p ON p.id = r.point_id
UNION
SELECT r.machine_id, e.at, p.key
FROM unnest(%(machine_ids)s::bigint[], %(after)s::timestamptz[]) AS c (machine_id, after)
JOIN measurement_correction r ON r.machine_id = c.machine_id
LEFT JOIN voided_correction v ON v.correction_id = r.id
CROSS JOIN LATERAL (
    SELECT CASE WHEN v.correction_id IS NULL THEN r.not_corrected_until ELSE v.not_corrected_until END AS at
) e
JOIN point p ON p.machine_id = r.machine_id AND p.retired_at IS NULL
  AND (p.id IN (r.point_id, r.swapped_with) OR p.component_id = r.component_id)
WHERE e.at > c.after AND e.at < coalesce(r.ends_at, 'infinity')
ORDER BY 1, 2, 3;
