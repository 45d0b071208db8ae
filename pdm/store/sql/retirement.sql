-- name: retire_machine
-- Take a machine out of use; no row if it is already.
UPDATE machine SET retired_at = %(now)s::timestamptz, retired_reason = %(reason)s
WHERE id = %(machine_id)s::bigint AND retired_at IS NULL RETURNING id;

-- name: restore_machine
-- Bring a retired machine back; no row if it is in use.
UPDATE machine SET retired_at = NULL, retired_reason = NULL, retired_with = NULL, retired_with_id = NULL
WHERE id = %(machine_id)s::bigint AND retired_at IS NOT NULL RETURNING id;

-- name: retire_point
-- Take a measurement point out of use; no row if it is already.
UPDATE point SET retired_at = %(now)s::timestamptz, retired_reason = %(reason)s
WHERE machine_id = %(machine_id)s::bigint AND key = %(point)s::text AND retired_at IS NULL RETURNING id;

-- name: restore_point
-- Bring a retired measurement point back; no row if it is in use.
UPDATE point SET retired_at = NULL, retired_reason = NULL
WHERE machine_id = %(machine_id)s::bigint AND key = %(point)s::text AND retired_at IS NOT NULL RETURNING id;

-- name: keep_replaced_sensor
-- The sensor that a point had until a time; no row if one was replaced then already.
INSERT INTO replaced_sensor (machine_id, point_id, replaced_at, sampling_rate, reason, actor)
SELECT machine_id, id, %(replaced_at)s::timestamptz, sampling_rate, %(reason)s, %(actor)s
FROM point WHERE id = %(point_id)s::bigint
ON CONFLICT (point_id, replaced_at) DO NOTHING RETURNING id;

-- name: change_sampling_rate
-- The sampling rate of the new sensor of a point.
UPDATE point SET sampling_rate = %(sampling_rate)s::double precision WHERE id = %(point_id)s::bigint;

-- name: change_point_limits
-- What the new sensor of a point can measure.
UPDATE point SET lowest = %(lowest)s, highest = %(highest)s,
    not_a_measurement = %(not_a_measurement)s::double precision[], rate_limit = %(rate_limit)s
WHERE id = %(point_id)s::bigint;

-- name: insert_point
-- A new measurement point.
INSERT INTO point (machine_id, component_id, key, quantity, unit, sampling_rate, direction, pulses_per_turn, name,
                   lowest, highest, not_a_measurement, rate_limit)
VALUES (%(machine_id)s, %(component_id)s, %(key)s, %(quantity)s, %(unit)s, %(sampling_rate)s, %(direction)s,
        %(pulses_per_turn)s, %(name)s, %(lowest)s, %(highest)s, %(not_a_measurement)s::double precision[],
        %(rate_limit)s);

-- name: conclude_newest_again
-- Alerts of a machine were ended by hand: conclude its newest acquisition again.
UPDATE analysis_state
SET dirty_from = least(dirty_from, last_measured_at), dirty_since = coalesce(dirty_since, now())
WHERE machine_id = %(machine_id)s::bigint AND state IS NOT NULL;

-- name: list_retired_points
-- The retired measurement points of a machine.
SELECT p.key AS point, p.quantity, p.unit, p.sampling_rate AS sampling_rate_hz, p.retired_at, p.retired_reason
FROM point p WHERE p.machine_id = %(machine_id)s::bigint AND p.retired_at IS NOT NULL ORDER BY p.id;

-- name: change_timeline
-- The clock of a machine's data.
UPDATE machine SET timeline = %(timeline)s, updated_at = now() WHERE id = %(machine_id)s::bigint;

-- name: fetch_newest_time
-- The time of the newest acquisition of a machine.
SELECT max(measured_at) FROM acquisition WHERE machine_id = %(machine_id)s::bigint;
