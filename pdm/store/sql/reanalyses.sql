-- name: report_reanalysis
-- How far the replay of a machine is; outside the transaction of the replay, which the others cannot see.
INSERT INTO reanalysis_progress AS r (machine_id, done, acquisitions, reached)
VALUES (%(machine_id)s::bigint, %(done)s::integer, %(acquisitions)s::integer, %(reached)s::timestamptz)
ON CONFLICT (machine_id) DO UPDATE SET
    done = EXCLUDED.done, acquisitions = EXCLUDED.acquisitions, reached = EXCLUDED.reached, reported_at = now(),
    started_at = CASE WHEN EXCLUDED.done = 0 THEN now() ELSE r.started_at END;

-- name: end_reanalysis
-- The replay of a machine commits with this.
DELETE FROM reanalysis_progress WHERE machine_id = %(machine_id)s::bigint;

-- name: page_reanalyses
-- Machines in use that are going to be concluded again, or are: of the sites given or of all, with the share done.
SELECT m.id AS machine_id, m.key AS machine, s.dirty_from AS since, s.last_measured_at AS until,
       s.is_corrected AS is_correction, s.dirty_since AS asked_at, r.started_at, r.reported_at, r.reached,
       r.acquisitions, r.done, coalesce(r.done::float8 / nullif(r.acquisitions, 0), 0) AS share
FROM analysis_state s
JOIN machine m ON m.id = s.machine_id AND m.retired_at IS NULL
LEFT JOIN reanalysis_progress r ON r.machine_id = s.machine_id
WHERE s.dirty_from IS NOT NULL AND m.id > %(after_id)s::bigint
  AND (%(machine)s::text IS NULL OR m.key = %(machine)s::text)
  AND (%(site_ids)s::bigint[] IS NULL OR m.site_id = ANY (%(site_ids)s::bigint[]))
ORDER BY m.id
LIMIT %(limit)s::integer;
