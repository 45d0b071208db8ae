-- name: fetch_life_conditions
-- Durations of a fleet's lives with failure [s], and their mean load and speed while running.
SELECT extract(epoch FROM f.occurred_at - c.begun_at)::double precision, c.load, c.speed
FROM (
    SELECT w.machine_id, w.occurred_at, w.kind,
           coalesce(lag(w.occurred_at) OVER (PARTITION BY w.machine_id ORDER BY w.occurred_at), '-infinity') AS after
    FROM work_event w
    JOIN machine m ON m.id = w.machine_id AND m.fleet = %(fleet)s
    WHERE w.kind IN ('failure', 'replacement')
) f
CROSS JOIN LATERAL (
    SELECT min(measured_at) AS begun_at, avg(load) FILTER (WHERE load > 0) AS load,
           avg(speed) FILTER (WHERE speed > 0) AS speed
    FROM acquisition
    WHERE machine_id = f.machine_id AND measured_at > f.after AND measured_at <= f.occurred_at
) c
WHERE f.kind = 'failure' AND c.begun_at IS NOT NULL
ORDER BY f.machine_id, f.occurred_at;

-- name: fetch_present_conditions
-- Mean load and speed of a machine over its last acquisitions while running.
SELECT avg(load) FILTER (WHERE load > 0), avg(speed) FILTER (WHERE speed > 0)
FROM (
    SELECT load, speed FROM acquisition WHERE machine_id = %(machine_id)s ORDER BY measured_at DESC
    LIMIT %(acquisitions)s
) newest;
