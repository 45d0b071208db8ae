-- name: fetch_scalar_steps
-- The number, minimum, mean and maximum of the values of a point in equal steps, in the unit of the point; each span gives
-- the point under which they were sent and how they are corrected.
SELECT time_bucket(%(width)s::interval, q.measured_at) AS start, count(*) AS count, min(q.value) AS minimum,
       avg(q.value) AS mean, max(q.value) AS maximum
FROM (
    SELECT s.measured_at, c.gain * s.value + c.shift AS value
    FROM unnest(%(sources)s::bigint[], %(starts)s::timestamptz[], %(ends)s::timestamptz[],
                %(gains)s::double precision[], %(offsets)s::double precision[]) AS c (source, starts, ends, gain, shift)
    JOIN scalar s ON s.point_id = c.source AND s.measured_at >= c.starts AND s.measured_at < c.ends
    WHERE s.measured_at >= %(since)s::timestamptz AND s.measured_at < %(before)s::timestamptz
) q
GROUP BY start ORDER BY start
LIMIT %(limit)s::integer;

-- name: page_scalars
-- The values of a point, newest first, in the unit of the point; spans as in `fetch_scalar_steps`.
SELECT q.measured_at, c.gain * q.value + c.shift AS value, c.corrected AS is_corrected
FROM unnest(%(sources)s::bigint[], %(starts)s::timestamptz[], %(ends)s::timestamptz[], %(gains)s::double precision[],
            %(offsets)s::double precision[], %(corrected)s::boolean[])
    AS c (source, starts, ends, gain, shift, corrected)
CROSS JOIN LATERAL (
    SELECT s.measured_at, s.value FROM scalar s
    WHERE s.point_id = c.source AND s.measured_at >= c.starts AND s.measured_at < c.ends
      AND s.measured_at >= %(since)s::timestamptz AND s.measured_at < %(before)s::timestamptz
    ORDER BY s.measured_at DESC LIMIT %(limit)s::integer
) q
ORDER BY q.measured_at DESC
LIMIT %(limit)s::integer;
