-- name: fetch_life_conditions
-- Durations of a fleet's lives with failure and without doubt [s], and their mean load and speed while running.
SELECT extract(epoch FROM f.ended_at - c.begun_at)::double precision, c.load, c.speed
FROM closed_life f
JOIN machine m ON m.id = f.machine_id AND m.fleet = %(fleet)s
CROSS JOIN LATERAL (
    SELECT min(measured_at) AS begun_at, avg(load) FILTER (WHERE load > 0) AS load,
           avg(speed) FILTER (WHERE speed > 0) AS speed
    FROM acquisition
    WHERE machine_id = f.machine_id AND measured_at > f.begun_after AND measured_at <= f.ended_at
) c
WHERE f.kind = 'failure' AND f.doubt IS NULL AND c.begun_at IS NOT NULL
ORDER BY f.machine_id, f.ended_at, f.id;

-- name: fetch_present_conditions
-- Mean load and speed of a machine over its last acquisitions while running.
SELECT avg(load) FILTER (WHERE load > 0), avg(speed) FILTER (WHERE speed > 0)
FROM (
    SELECT load, speed FROM acquisition WHERE machine_id = %(machine_id)s ORDER BY measured_at DESC
    LIMIT %(acquisitions)s
) newest;
