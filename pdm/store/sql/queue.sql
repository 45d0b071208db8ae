-- name: pick_waiting_machines
-- Machines in use with something to analyse that no other worker holds and that are not on hold, longest untouched first.
-- A loose index scan over pending: the cost grows with the machines that wait, not with the backlog.
WITH RECURSIVE waiting (machine_id) AS (
    (SELECT machine_id FROM pending ORDER BY machine_id LIMIT 1)
    UNION ALL
    SELECT (SELECT p.machine_id FROM pending p WHERE p.machine_id > w.machine_id ORDER BY p.machine_id LIMIT 1)
    FROM waiting w WHERE w.machine_id IS NOT NULL
)
SELECT s.machine_id, coalesce(a.attempts, 0)
FROM analysis_state s
JOIN machine m ON m.id = s.machine_id AND m.retired_at IS NULL
LEFT JOIN analysis_attempt a ON a.machine_id = s.machine_id
WHERE (s.machine_id IN (SELECT machine_id FROM waiting) OR s.dirty_from IS NOT NULL
       OR EXISTS (SELECT FROM recalculation r WHERE r.machine_id = s.machine_id))
  AND NOT EXISTS (SELECT FROM analysis_hold h WHERE h.machine_id = s.machine_id AND h.retry_at > now())
ORDER BY s.updated_at, s.machine_id
LIMIT %(machines)s
FOR UPDATE OF s SKIP LOCKED;

-- name: count_attempts
-- One more attempt for each machine; committed before the work begins, so that a crash is remembered.
INSERT INTO analysis_attempt AS a (machine_id, attempts)
SELECT unnest(%(machine_ids)s::bigint[]), 1
ON CONFLICT (machine_id) DO UPDATE SET attempts = a.attempts + 1, started_at = now();

-- name: uncount_attempts
-- One attempt less for each machine: it ended, but the process that made it lives.
UPDATE analysis_attempt SET attempts = attempts - 1
WHERE machine_id = ANY (%(machine_ids)s::bigint[]) AND attempts > 0;

-- name: hold_machine
-- Try a machine again after the wait of as many failures as it has had.
INSERT INTO analysis_hold AS h (machine_id, reason, retry_at)
VALUES (%(machine_id)s::bigint, %(reason)s::text, clock_timestamp() + (%(waits)s::interval[])[1])
ON CONFLICT (machine_id) DO UPDATE
SET reason = EXCLUDED.reason, attempts = h.attempts + 1,
    retry_at = clock_timestamp()
        + (%(waits)s::interval[])[least(h.attempts + 1, cardinality(%(waits)s::interval[]))];

-- name: fetch_hold
-- Why a machine is on hold, since when, how often it was tried in vain, and when it is tried again.
SELECT reason, since, attempts, retry_at FROM analysis_hold WHERE machine_id = %(machine_id)s::bigint;

-- name: release_machines
-- The analysis of machines works again.
DELETE FROM analysis_hold WHERE machine_id = ANY (%(machine_ids)s::bigint[]);

-- name: set_attempts
-- Keep machines under suspicion after a success, while more of what they wait for may kill.
UPDATE analysis_attempt SET attempts = %(attempts)s WHERE machine_id = ANY (%(machine_ids)s);

-- name: lock_machines
-- Claim machines for this transaction, with what is remembered of them.
SELECT s.machine_id, s.state, s.last_measured_at, s.dirty_from, s.revision,
       EXISTS (SELECT FROM recalculation r WHERE r.machine_id = s.machine_id) AS is_recalculated
FROM analysis_state s
WHERE s.machine_id = ANY (%(machine_ids)s)
ORDER BY s.machine_id
FOR UPDATE SKIP LOCKED;

-- name: fetch_pending
-- The earliest acquisitions that wait, at most some a machine.
SELECT m.machine_id, p.measured_at, p.enqueued_at
FROM unnest(%(machine_ids)s::bigint[]) AS m (machine_id)
CROSS JOIN LATERAL (
    SELECT measured_at, enqueued_at FROM pending
    WHERE machine_id = m.machine_id
    ORDER BY measured_at
    LIMIT %(per_machine)s
) p
ORDER BY m.machine_id, p.measured_at;

-- name: remove_pending
-- Remove analysed acquisitions from the queue, unless data were added to them since, and from the failed ones.
WITH done AS (
    SELECT * FROM unnest(%(machine_ids)s::bigint[], %(measured_at)s::timestamptz[], %(enqueued_at)s::timestamptz[])
        AS done (machine_id, measured_at, enqueued_at)
), back AS (
    DELETE FROM set_aside s USING done WHERE s.machine_id = done.machine_id AND s.measured_at = done.measured_at
)
DELETE FROM pending p USING done
WHERE p.machine_id = done.machine_id AND p.measured_at = done.measured_at AND p.enqueued_at = done.enqueued_at;

-- name: forget_attempts
-- The batch commits with this: its attempts count no more.
DELETE FROM analysis_attempt WHERE machine_id = ANY (%(machine_ids)s);

-- name: save_states
-- What the machines' recursion remembers after the batch.
UPDATE analysis_state s
SET state = new.state, last_measured_at = new.last_measured_at, dirty_from = new.dirty_from,
    dirty_since = CASE WHEN new.dirty_from IS NOT NULL THEN coalesce(s.dirty_since, now()) END,
    revision = new.revision, updated_at = clock_timestamp()
FROM unnest(%(machine_ids)s::bigint[], %(states)b::bytea[], %(last_measured_at)s::timestamptz[],
            %(dirty_from)s::timestamptz[], %(revisions)s::integer[])
    AS new (machine_id, state, last_measured_at, dirty_from, revision)
WHERE s.machine_id = new.machine_id;

-- name: set_aside
-- Store an acquisition whose analysis fails, with the reason.
INSERT INTO set_aside (machine_id, measured_at, reason) VALUES (%(machine_id)s, %(measured_at)s, %(reason)s)
ON CONFLICT (machine_id, measured_at) DO UPDATE SET reason = EXCLUDED.reason, set_aside_at = now();

-- name: find_unclaimed
-- Those of some machines for which more waits than up to the time given for each.
SELECT c.machine_id
FROM unnest(%(machine_ids)s::bigint[], %(claimed)s::timestamptz[]) AS c (machine_id, claimed)
WHERE EXISTS (SELECT FROM pending p WHERE p.machine_id = c.machine_id AND p.measured_at > c.claimed);
