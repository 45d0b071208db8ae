-- name: fetch_scalar_steps
-- The number, minimum, mean and maximum of a point's values in equal steps, in the unit of the point.
SELECT time_bucket(%(width)s::interval, measured_at) AS start, count(*) AS count, min(value) AS minimum,
       avg(value) AS mean, max(value) AS maximum
FROM scalar
WHERE point_id = %(point_id)s::bigint AND measured_at >= %(since)s::timestamptz
  AND measured_at < %(before)s::timestamptz
GROUP BY start ORDER BY start
LIMIT %(limit)s::integer;

-- name: page_scalars
-- The values of a point, newest first, in the unit of the point.
SELECT measured_at, value
FROM scalar
WHERE point_id = %(point_id)s::bigint AND measured_at >= %(since)s::timestamptz
  AND measured_at < %(before)s::timestamptz
ORDER BY measured_at DESC
LIMIT %(limit)s::integer;
