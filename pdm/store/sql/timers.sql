-- name: ensure_timers
-- Make the known kinds due now where they were never scheduled.
INSERT INTO timer (kind, due_at)
SELECT kind, %(now)s::timestamptz FROM unnest(%(kinds)s::text[]) AS known (kind)
ON CONFLICT (kind) DO NOTHING;

-- name: claim_timer
-- Take one due job; another worker's is passed over.
SELECT kind FROM timer WHERE due_at <= %(now)s AND kind = ANY (%(kinds)s)
ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: schedule_timer
-- Set when a job is due again.
UPDATE timer SET due_at = %(due_at)s WHERE kind = %(kind)s;

-- name: note_low_disk
-- Store the alarm, at most once a day.
INSERT INTO audit (at, actor, action, target, detail)
SELECT %(now)s::timestamptz, 'tick', 'disk-low', %(directory)s::text,
       jsonb_build_object('free_bytes', %(free_bytes)s::bigint, 'min_free_bytes', %(min_free_bytes)s::bigint)
WHERE NOT EXISTS (SELECT FROM audit WHERE action = 'disk-low' AND at > %(now)s::timestamptz - INTERVAL '1 day');

-- name: fetch_oldest_pending
-- The earliest acquisition that waits to be analysed.
SELECT min(measured_at) FROM pending;
