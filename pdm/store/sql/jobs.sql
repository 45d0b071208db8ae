-- name: ask_for_training
-- A training of a fleet, unless one waits or runs already.
INSERT INTO job (kind, fleet, seed, actor, reason)
VALUES ('train', %(fleet)s, %(seed)s::integer, %(actor)s, %(reason)s)
ON CONFLICT (kind, fleet) WHERE status IN ('waiting', 'running') DO NOTHING
RETURNING id;

-- name: find_unfinished_training
-- The training of a fleet that waits or runs.
SELECT id FROM job WHERE kind = 'train' AND fleet = %(fleet)s AND status IN ('waiting', 'running');

-- name: is_fleet
-- Whether machines belong to a fleet.
SELECT EXISTS (SELECT FROM machine WHERE fleet = %(fleet)s);

-- name: find_job
-- One job, with its result.
SELECT id, kind, fleet, seed, status, stage, progress, attempts, actor, reason, created_at, started_at, finished_at,
       error, model_id, result
FROM job WHERE id = %(id)s::bigint;

-- name: page_jobs
-- Jobs, newest first, of a fleet or of all.
SELECT id, kind, fleet, seed, status, stage, progress, attempts, actor, reason, created_at, started_at, finished_at,
       error, model_id, result
FROM job
WHERE id < %(before)s::bigint AND (%(fleet)s::text IS NULL OR fleet = %(fleet)s::text)
ORDER BY id DESC
LIMIT %(limit)s::integer;

-- name: claim_job
-- Claim the job that has waited longest, or one whose lease has run out, and count the attempt.
UPDATE job SET status = 'running', attempts = attempts + 1, started_at = coalesce(started_at, now()),
               lease_until = now() + %(lease)s::interval
WHERE id = (
    SELECT id FROM job WHERE status = 'waiting' OR (status = 'running' AND lease_until <= now())
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id, attempts;

-- name: renew_job
-- The worker still runs; no row if another one has taken the job over.
UPDATE job SET lease_until = now() + %(lease)s::interval
WHERE id = %(id)s::bigint AND status = 'running' AND attempts = %(attempt)s::integer;

-- name: count_outages
-- How often a job was interrupted because the database was unavailable.
SELECT outages FROM job WHERE id = %(id)s::bigint;

-- name: retry_job
-- A job that was interrupted by an outage of the database falls due again after the wait of as many outages.
UPDATE job SET outages = outages + 1,
               lease_until = now() + (%(waits)s::interval[])[least(outages + 1, cardinality(%(waits)s::interval[]))]
WHERE id = %(id)s::bigint AND status = 'running' AND attempts = %(attempt)s::integer;

-- name: note_progress
-- How far a job is.
UPDATE job SET stage = %(stage)s, progress = %(progress)s::real
WHERE id = %(id)s::bigint AND status = 'running' AND attempts = %(attempt)s::integer;

-- name: finish_job
-- A job is done, or has failed for good.
UPDATE job SET status = %(status)s, error = %(error)s, model_id = %(model_id)s::bigint, result = %(result)s,
               finished_at = now(), lease_until = NULL,
               progress = CASE %(status)s WHEN 'done' THEN 1 ELSE progress END
WHERE id = %(id)s::bigint AND status = 'running' AND attempts = %(attempt)s::integer;

-- name: release_job
-- The worker that runs a job stops: another one continues it, and the attempt does not count.
UPDATE job SET status = 'waiting', attempts = attempts - 1, lease_until = NULL
WHERE id = %(id)s::bigint AND status = 'running' AND attempts = %(attempt)s::integer;

-- name: fetch_fleets_to_watch
-- Of each fleet with failures: its champion, when that was registered, how many failures were reported since, and
-- when its training was last requested; not of fleets whose acquisitions still wait to be analysed.
SELECT f.fleet, c.id, c.created_at, f.failures, f.since_champion, f.last_failure, j.asked_at
FROM (
    SELECT m.fleet, count(*) AS failures, max(w.recorded_at) AS last_failure,
           count(*) FILTER (WHERE w.recorded_at > champion.created_at) AS since_champion
    FROM machine m
    JOIN work_event_in_force w ON w.machine_id = m.id AND w.kind = 'failure'
    LEFT JOIN model champion ON champion.name = m.fleet AND champion.status = 'champion'
    GROUP BY m.fleet
) f
LEFT JOIN model c ON c.name = f.fleet AND c.status = 'champion'
LEFT JOIN LATERAL (SELECT max(created_at) AS asked_at FROM job WHERE job.fleet = f.fleet AND kind = 'train') j ON true
WHERE NOT EXISTS (SELECT FROM pending p JOIN machine m ON m.id = p.machine_id WHERE m.fleet = f.fleet)
ORDER BY f.fleet;

-- name: fetch_recent_indicators
-- What a fleet's machines showed since a time, in the version that models read, at most so many records.
SELECT a.indicators
FROM machine m
CROSS JOIN LATERAL (
    SELECT indicators FROM assessment
    WHERE machine_id = m.id AND measured_at > %(since)s AND rule_version = %(rule_version)s
    ORDER BY measured_at DESC LIMIT %(most)s::integer
) a
WHERE m.fleet = %(fleet)s;

-- name: fetch_errors_since
-- Of each life that failed after a model was registered: the mean squared error of its predictions, up to its cap.
SELECT avg((least(p.rul, %(cap)s::float8)
            - least(extract(epoch FROM l.ended_at - p.measured_at)::float8, %(cap)s::float8)) ^ 2)
FROM machine m
JOIN closed_life l ON l.machine_id = m.id AND l.kind = 'failure' AND l.doubt IS NULL AND l.recorded_at > %(since)s
JOIN prognosis p ON p.machine_id = m.id AND p.model_id = %(model_id)s::bigint AND p.measured_at <= l.ended_at
    AND p.measured_at > l.begun_after
WHERE m.fleet = %(fleet)s
GROUP BY m.id, l.id;
