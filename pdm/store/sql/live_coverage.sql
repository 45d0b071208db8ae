-- name: fetch_fleets_with_new_failures
-- Fleets with a failure recorded after the last update of their coverage; within a day, if no interval was published
-- for any failed life.
SELECT m.fleet
FROM machine m
JOIN work_event_in_force w ON w.machine_id = m.id AND w.kind = 'failure'
LEFT JOIN LATERAL (SELECT max(computed_at) AS at FROM live_coverage c WHERE c.fleet = m.fleet) tracked ON true
GROUP BY m.fleet
HAVING max(w.recorded_at) > coalesce(max(tracked.at), now() - INTERVAL '1 day')
ORDER BY m.fleet;

-- name: fetch_told_of_failures
-- Published intervals of a fleet's last lives before their failure was recorded, by source and level, and the number
-- that contained the failure time. Each acquisition counts once, with its first publication.
SELECT m.key, extract(epoch FROM f.ended_at)::double precision, p.source, round(p.level::numeric, 4)::float8,
       count(*), count(*) FILTER (WHERE p.remaining BETWEEN p.rul_lower AND coalesce(p.rul_upper, 'Infinity'))
FROM (
    SELECT l.machine_id, l.ended_at, l.recorded_at, l.begun_after,
           row_number() OVER (ORDER BY l.ended_at DESC) AS place
    FROM closed_life l
    JOIN machine own ON own.id = l.machine_id AND own.fleet = %(fleet)s
    WHERE l.kind = 'failure' AND l.doubt IS NULL
) f
JOIN machine m ON m.id = f.machine_id
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (measured_at) source, level, rul_lower, rul_upper,
           extract(epoch FROM f.ended_at - measured_at)::double precision AS remaining
    FROM prognosis
    WHERE machine_id = f.machine_id AND component = '' AND measured_at > f.begun_after
      AND measured_at < f.ended_at AND computed_at < f.recorded_at
    ORDER BY measured_at, revision
) p
WHERE f.place <= %(lives)s AND p.rul_lower IS NOT NULL AND p.level IS NOT NULL
GROUP BY 1, 2, 3, 4;

-- name: drop_live_coverage
-- Delete the stored coverage of a fleet before an update.
DELETE FROM live_coverage WHERE fleet = %(fleet)s;

-- name: insert_live_coverage
-- Store the coverage of the intervals of a source at a level.
INSERT INTO live_coverage (fleet, source, level, lives, coverage, chance, verdict, computed_at)
VALUES (%(fleet)s, %(source)s, %(level)s, %(lives)s, %(coverage)s, %(chance)s, %(verdict)s, %(now)s);

-- name: fetch_live_coverage
-- The coverage of intervals, of one fleet or of all.
SELECT fleet, source, round(level::numeric, 4)::float8 AS level, lives, coverage, chance, verdict, computed_at
FROM live_coverage
WHERE %(fleet)s::text IS NULL OR fleet = %(fleet)s::text
ORDER BY fleet, source, level;
