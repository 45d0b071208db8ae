-- name: forget_channel_quality
-- Remove the quality of channels that are judged again, as when another channel completes their acquisition.
DELETE FROM channel_quality q
USING unnest(%(point_ids)s::bigint[], %(measured_at)s::timestamptz[]) AS c (point_id, measured_at)
WHERE q.point_id = c.point_id AND q.measured_at = c.measured_at AND q.measured_at BETWEEN %(first)s AND %(last)s;

-- name: save_channel_quality
-- Write the quality of channels that are not good.
INSERT INTO channel_quality (point_id, measured_at, quality, reasons)
SELECT point_id, measured_at, quality, string_to_array(reasons, ' ')
FROM unnest(%(point_ids)s::bigint[], %(measured_at)s::timestamptz[], %(qualities)s::text[], %(reasons)s::text[])
    AS c (point_id, measured_at, quality, reasons)
ON CONFLICT (point_id, measured_at) DO UPDATE SET quality = EXCLUDED.quality, reasons = EXCLUDED.reasons;

-- name: fetch_channel_quality
-- The quality of those channels of acquisitions of a machine that are not good.
SELECT q.point_id, q.measured_at, q.quality, q.reasons
FROM channel_quality q JOIN point p ON p.id = q.point_id
WHERE p.machine_id = %(machine_id)s AND q.measured_at = ANY (%(measured_at)s::timestamptz[])
  AND q.measured_at BETWEEN %(first)s AND %(last)s;

-- name: fetch_channels_with_quality
-- Those channels of some points and a span that have a quality.
SELECT point_id, measured_at FROM channel_quality
WHERE point_id = ANY (%(point_ids)s::bigint[]) AND measured_at BETWEEN %(first)s AND %(last)s;

-- name: find_points_with_equal_waveforms
-- Those of some points of which the newest waveforms up to a time hold an equal pair, or others than the `own` ones
-- since the first.
SELECT c.point_id
FROM unnest(%(point_ids)s::bigint[], %(firsts)s::timestamptz[], %(lasts)s::timestamptz[], %(own)s::bigint[])
    AS c (point_id, first, last, own)
CROSS JOIN LATERAL (
    SELECT e.measured_at, e.content_hash FROM waveform e
    WHERE e.point_id = c.point_id AND e.measured_at <= c.last AND e.measured_at BETWEEN %(since)s AND %(last)s
    ORDER BY e.measured_at DESC LIMIT c.own + %(records)s
) w
GROUP BY c.point_id, c.first, c.own
HAVING count(DISTINCT w.content_hash) < count(*) OR count(*) FILTER (WHERE w.measured_at >= c.first) <> c.own;

-- name: fetch_repeated_waveforms
-- Those of some waveforms that equal one of the records before them bit for bit.
SELECT w.point_id, w.measured_at
FROM unnest(%(point_ids)s::bigint[], %(measured_at)s::timestamptz[]) AS c (point_id, measured_at)
JOIN waveform w ON w.point_id = c.point_id AND w.measured_at = c.measured_at
WHERE w.measured_at BETWEEN %(first)s AND %(last)s
  AND w.content_hash IN (
    SELECT e.content_hash FROM waveform e
    WHERE e.point_id = w.point_id AND e.measured_at < w.measured_at
      AND e.measured_at BETWEEN %(since)s AND %(last)s
    ORDER BY e.measured_at DESC LIMIT %(records)s
);

-- name: fetch_measured_before
-- The last value of a scalar point before a time that was a measurement, with its time.
SELECT s.measured_at, s.value FROM scalar s
WHERE s.point_id = %(point_id)s::bigint AND s.measured_at < %(measured_at)s::timestamptz
  AND NOT EXISTS (
    SELECT FROM channel_quality q
    WHERE q.point_id = s.point_id AND q.measured_at = s.measured_at AND q.quality = 'no-measurement'
  )
ORDER BY s.measured_at DESC LIMIT 1;

-- name: fetch_too_fast_since
-- The last values of a scalar point after one time and before another that changed too fast to be measurements.
SELECT s.measured_at, s.value
FROM scalar s JOIN channel_quality q ON q.point_id = s.point_id AND q.measured_at = s.measured_at
WHERE s.point_id = %(point_id)s::bigint AND s.measured_at > %(after)s::timestamptz
  AND s.measured_at < %(before)s::timestamptz AND q.measured_at > %(after)s::timestamptz
  AND q.measured_at < %(before)s::timestamptz AND 'rate' = ANY (q.reasons)
ORDER BY s.measured_at DESC LIMIT %(records)s::integer;

-- name: fetch_channel_memories
-- What is remembered of the good records of some points.
SELECT point_id, figures FROM channel_memory WHERE point_id = ANY (%(point_ids)s::bigint[]);

-- name: save_channel_memories
-- Write what is remembered of the good records of some points; figures of one point a line, separated by blanks.
INSERT INTO channel_memory (point_id, figures)
SELECT point_id, string_to_array(figures, ' ')::double precision[]
FROM unnest(%(point_ids)s::bigint[], %(figures)s::text[]) AS c (point_id, figures)
ON CONFLICT (point_id) DO UPDATE SET figures = EXCLUDED.figures;

-- name: forget_channel_memory
-- Forget the good records of a point: another sensor has other levels and another offset.
DELETE FROM channel_memory WHERE point_id = %(point_id)s::bigint;

-- name: forget_pairs_with
-- Forget how other channels were related to a point: its new sensor may have another direction. A point's figures end
-- with those of its partner, whose id comes first.
UPDATE channel_memory SET figures = figures[1:%(size)s::integer]
WHERE figures[%(size)s::integer + 1] = %(point_id)s::double precision AND point_id IN (
    SELECT p.id FROM point p JOIN point o ON o.machine_id = p.machine_id WHERE o.id = %(point_id)s::bigint
);
