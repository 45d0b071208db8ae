-- name: fetch_due_lanes
-- Subscriptions for which something is due; the due time is checked again at the claim.
SELECT DISTINCT o.subscription_id FROM outbox o
JOIN subscription s ON s.id = o.subscription_id AND s.is_enabled
WHERE o.delivered_at IS NULL AND o.dead_at IS NULL AND o.next_attempt_at <= %(now)s;

-- name: claim_outbox
-- Take the first due rows of a lane, at most one an alert and never past an earlier one that is still
-- under way. The lease ends by itself: a dispatcher that dies leaves rows that fall due again.
WITH due AS (
    SELECT o.id FROM outbox o
    WHERE o.subscription_id = %(subscription_id)s AND o.delivered_at IS NULL AND o.dead_at IS NULL
      AND o.next_attempt_at <= %(now)s
      AND NOT EXISTS (SELECT FROM outbox earlier
                      WHERE earlier.subscription_id = o.subscription_id AND earlier.alert_id = o.alert_id
                        AND earlier.alert_event_id < o.alert_event_id
                        AND earlier.delivered_at IS NULL AND earlier.dead_at IS NULL)
    ORDER BY o.alert_event_id
    LIMIT %(limit)s
    FOR UPDATE OF o SKIP LOCKED
)
UPDATE outbox o SET attempts = o.attempts + 1, next_attempt_at = %(leased_until)s
FROM due, subscription s
WHERE o.id = due.id AND s.id = o.subscription_id AND s.is_enabled
RETURNING o.id, o.alert_event_id, o.payload, o.attempts, s.url, s.secret;

-- name: mark_delivered
-- A repeat after a lost answer finds the row delivered and changes nothing.
UPDATE outbox SET delivered_at = %(now)s, last_error = NULL
WHERE id = %(id)s AND delivered_at IS NULL;

-- name: mark_failed
-- Give a row its next attempt, or let it rest for good; only for the holder of the latest attempt.
UPDATE outbox SET next_attempt_at = %(next_attempt_at)s, last_error = %(error)s,
                  dead_at = CASE WHEN %(is_dead)s THEN %(now)s::timestamptz END
WHERE id = %(id)s AND attempts = %(attempts)s AND delivered_at IS NULL AND dead_at IS NULL;

-- name: release_outbox
-- Give back rows that were claimed but not attempted.
UPDATE outbox o SET attempts = o.attempts - 1, next_attempt_at = %(next_attempt_at)s
FROM unnest(%(ids)s::uuid[], %(attempts)s::integer[]) AS r (id, attempts)
WHERE o.id = r.id AND o.attempts = r.attempts AND o.delivered_at IS NULL AND o.dead_at IS NULL;

-- name: sweep_outbox
-- Drop what was delivered before a time; dead letters stay to be looked at.
DELETE FROM outbox WHERE delivered_at < %(before)s;

-- name: revive_dead
-- Send the dead letters of a subscription again, under their old ids.
UPDATE outbox SET dead_at = NULL, attempts = 0, next_attempt_at = %(now)s
WHERE subscription_id = %(subscription_id)s AND dead_at IS NOT NULL AND delivered_at IS NULL;

-- name: count_outbox
-- How much waits and how much has died.
SELECT count(*) FILTER (WHERE dead_at IS NULL), count(*) FILTER (WHERE dead_at IS NOT NULL)
FROM outbox WHERE delivered_at IS NULL;
