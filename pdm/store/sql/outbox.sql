-- name: enqueue_alert_event
-- One outbox row for every enabled subscription that the event concerns: severe enough and not withheld, or
-- notified of this alert before. Events of machines on another timeline than the live one are not sent.
INSERT INTO outbox (id, subscription_id, alert_event_id, alert_id, payload)
SELECT gen_random_uuid(), s.id, e.id, a.id,
    jsonb_build_object(
        'type', 'alert.' || e.kind,
        'timestamp', to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'data', jsonb_build_object(
            'alert_id', a.id, 'event_id', e.id, 'kind', e.kind, 'site', site.key, 'site_name', site.name,
            'machine', m.key, 'machine_name', m.name, 'cause', a.cause, 'component', a.component,
            'component_name', c.name, 'point_name', p.name, 'severity', e.severity,
            'state', coalesce(e.state, a.state), 'category', a.category, 'message', a.message, 'parameters', a.parameters, 'evidence', a.evidence,
            'opened_at', to_char(a.opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'occurred_at', to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'actor', e.actor, 'reason', e.reason, 'comment', e.comment, 'reevaluated', e.reevaluated,
            'assignee', a.assignee,
            'act_by', to_char(a.act_by AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'rule_version', a.rule_version, 'version', a.version,
            'work_orders', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                'reference', w.reference, 'url', w.url, 'status', w.status) ORDER BY w.created_at), '[]')
                            FROM work_order w WHERE w.alert_id = a.id)))
FROM alert_event e
JOIN alert a ON a.id = e.alert_id
JOIN machine m ON m.id = a.machine_id AND m.timeline = 'live'
JOIN site ON site.id = m.site_id
LEFT JOIN component c ON c.machine_id = a.machine_id AND c.key = a.component
LEFT JOIN point p ON p.machine_id = a.machine_id AND p.key = a.parameters ->> 'point'
JOIN subscription s ON s.is_enabled AND (s.site_id IS NULL OR s.site_id = m.site_id)
WHERE e.id = ANY (%(event_ids)s)
  AND (e.withheld IS NULL
           AND array_position(ARRAY['advisory', 'warning', 'critical'], e.severity)
               >= array_position(ARRAY['advisory', 'warning', 'critical'], s.min_severity)
       OR EXISTS (SELECT FROM outbox told WHERE told.alert_id = a.id AND told.subscription_id = s.id));

-- name: fetch_due_lanes
-- Subscriptions for which something is due; the due time is checked again at the claim.
SELECT s.id FROM subscription s
WHERE s.is_enabled
  AND (s.refresh_at <= %(now)s
       OR EXISTS (SELECT FROM outbox o
                  WHERE o.subscription_id = s.id AND o.delivered_at IS NULL AND o.dead_at IS NULL
                    AND o.next_attempt_at <= %(now)s));

-- name: fetch_enabled_lanes
-- Subscriptions that receive alerts.
SELECT id FROM subscription WHERE is_enabled;

-- name: try_lane
-- Keep the lane to this transaction: what is claimed with an eye on all of a lane is claimed by one.
SELECT pg_try_advisory_xact_lock(hashtextextended(%(subscription_id)s::uuid::text, 0));

-- name: claim_outbox
-- Take the first due rows of a lane, at most one an alert and never past an earlier one that is still
-- under way; on demand only of alerts of which something critical waits. The lease ends by itself: a
-- dispatcher that dies leaves rows that fall due again.
WITH due AS (
    SELECT o.id FROM outbox o
    WHERE o.subscription_id = %(subscription_id)s AND o.delivered_at IS NULL AND o.dead_at IS NULL
      AND o.digest_id IS NULL AND o.next_attempt_at <= %(now)s
      AND NOT EXISTS (SELECT FROM outbox earlier
                      WHERE earlier.subscription_id = o.subscription_id AND earlier.alert_id = o.alert_id
                        AND earlier.alert_event_id < o.alert_event_id
                        AND earlier.delivered_at IS NULL AND earlier.dead_at IS NULL)
      AND (NOT %(is_critical_only)s::boolean
           OR EXISTS (SELECT FROM outbox critical
                      WHERE critical.subscription_id = o.subscription_id AND critical.alert_id = o.alert_id
                        AND critical.delivered_at IS NULL AND critical.dead_at IS NULL
                        AND critical.payload -> 'data' ->> 'severity' = 'critical'))
    ORDER BY o.alert_event_id
    LIMIT %(limit)s
    FOR UPDATE OF o SKIP LOCKED
)
UPDATE outbox o SET attempts = o.attempts + 1, next_attempt_at = %(leased_until)s, attempted_at = %(now)s
FROM due, subscription s
WHERE o.id = due.id AND s.id = o.subscription_id AND s.is_enabled
RETURNING o.id, o.alert_event_id, o.payload, o.attempts, o.digest_id;

-- name: claim_digest_again
-- Take the rows of a message that was begun before, under its id.
UPDATE outbox o SET attempts = o.attempts + 1, next_attempt_at = %(leased_until)s, attempted_at = %(now)s
WHERE o.digest_id = (SELECT begun.digest_id FROM outbox begun
                     WHERE begun.subscription_id = %(subscription_id)s AND begun.delivered_at IS NULL
                       AND begun.dead_at IS NULL AND begun.digest_id IS NOT NULL AND begun.next_attempt_at <= %(now)s
                     ORDER BY begun.alert_event_id LIMIT 1)
  AND o.delivered_at IS NULL AND o.dead_at IS NULL AND o.next_attempt_at <= %(now)s
RETURNING o.id, o.alert_event_id, o.payload, o.attempts, o.digest_id;

-- name: claim_digest
-- Make one message of what is due in a lane: in order, with nothing of an alert of which something earlier
-- is under way.
WITH due AS (
    SELECT o.id FROM outbox o
    WHERE o.subscription_id = %(subscription_id)s AND o.delivered_at IS NULL AND o.dead_at IS NULL
      AND o.digest_id IS NULL AND o.next_attempt_at <= %(now)s
      AND NOT EXISTS (SELECT FROM outbox earlier
                      WHERE earlier.subscription_id = o.subscription_id AND earlier.alert_id = o.alert_id
                        AND earlier.alert_event_id < o.alert_event_id
                        AND earlier.delivered_at IS NULL AND earlier.dead_at IS NULL
                        AND (earlier.digest_id IS NOT NULL OR earlier.next_attempt_at > %(now)s))
    ORDER BY o.alert_event_id
    LIMIT %(limit)s
    FOR UPDATE OF o
)
UPDATE outbox o SET attempts = o.attempts + 1, next_attempt_at = %(leased_until)s, attempted_at = %(now)s,
                    digest_id = %(digest_id)s
FROM due, subscription s
WHERE o.id = due.id AND s.id = o.subscription_id AND s.is_enabled
RETURNING o.id, o.alert_event_id, o.payload, o.attempts, o.digest_id;

-- name: fetch_backlog
-- What is due in a lane, since when, and whether some of it belongs to a message begun before.
SELECT count(*), min(enqueued_at), coalesce(bool_or(digest_id IS NOT NULL), false)
FROM outbox
WHERE subscription_id = %(subscription_id)s AND delivered_at IS NULL AND dead_at IS NULL
  AND next_attempt_at <= %(now)s;

-- name: count_messages
-- How many messages a lane attempted since a time.
SELECT count(DISTINCT coalesce(digest_id, id)) FROM outbox
WHERE subscription_id = %(subscription_id)s AND attempted_at > %(since)s;

-- name: mark_delivered
-- A repeat after a lost answer finds the row delivered and changes nothing.
UPDATE outbox SET delivered_at = %(now)s, last_error = NULL
WHERE id = ANY (%(ids)s) AND delivered_at IS NULL;

-- name: mark_failed
-- Set the next attempt of rows, or mark them dead; only for the holder of the latest attempt.
UPDATE outbox o SET next_attempt_at = %(next_attempt_at)s, last_error = %(error)s,
                    dead_at = CASE WHEN %(is_dead)s THEN %(now)s::timestamptz END
FROM unnest(%(ids)s::uuid[], %(attempts)s::integer[]) AS r (id, attempts)
WHERE o.id = r.id AND o.attempts = r.attempts AND o.delivered_at IS NULL AND o.dead_at IS NULL;

-- name: release_outbox
-- Return rows that were claimed but not attempted to the queue.
UPDATE outbox o SET attempts = o.attempts - 1, next_attempt_at = %(next_attempt_at)s, attempted_at = NULL
FROM unnest(%(ids)s::uuid[], %(attempts)s::integer[]) AS r (id, attempts)
WHERE o.id = r.id AND o.attempts = r.attempts AND o.delivered_at IS NULL AND o.dead_at IS NULL;

-- name: claim_refresh
-- Set when a receiver is next sent all open alerts; returns a row only to the caller that sends them now.
UPDATE subscription SET refresh_at = %(next_refresh_at)s
WHERE id = %(subscription_id)s AND is_enabled AND refresh_at <= %(now)s
RETURNING id;

-- name: fetch_standing
-- The current alerts of a receiver: open ones that concern it, and those of which it was notified
-- since a time; of some machines or of all.
SELECT standing.document, standing.severities, standing.changed_at, standing.is_open, standing.is_firing
FROM subscription s
CROSS JOIN LATERAL (
    SELECT a.id FROM alert a
    JOIN machine m ON m.id = a.machine_id AND m.timeline = 'live'
    WHERE a.state <> 'normal' AND (s.site_id IS NULL OR s.site_id = m.site_id)
      AND (%(machines)s::text[] IS NULL OR m.key = ANY (%(machines)s::text[]))
      AND (array_position(ARRAY['advisory', 'warning', 'critical'], a.severity)
               >= array_position(ARRAY['advisory', 'warning', 'critical'], s.min_severity)
           OR EXISTS (SELECT FROM outbox told WHERE told.alert_id = a.id AND told.subscription_id = s.id))
    UNION
    SELECT o.alert_id FROM outbox o
    JOIN alert a ON a.id = o.alert_id
    JOIN machine m ON m.id = a.machine_id
    WHERE o.subscription_id = s.id AND o.attempted_at > %(since)s
      AND (%(machines)s::text[] IS NULL OR m.key = ANY (%(machines)s::text[]))
) concerned
JOIN standing_alert standing ON standing.id = concerned.id
WHERE s.id = %(subscription_id)s;

-- name: sweep_outbox
-- Drop what was delivered before a time; dead letters stay to be looked at.
DELETE FROM outbox WHERE delivered_at < %(before)s;

-- name: revive_dead
-- Send the dead letters of a subscription again, under their old ids.
UPDATE outbox SET dead_at = NULL, attempts = 0, next_attempt_at = %(now)s
WHERE subscription_id = %(subscription_id)s AND dead_at IS NOT NULL AND delivered_at IS NULL;

-- name: revive_letter
-- Send one dead letter again, under its own id.
UPDATE outbox o SET dead_at = NULL, attempts = 0, next_attempt_at = %(now)s, digest_id = NULL
FROM subscription s
WHERE o.id = %(id)s AND s.id = o.subscription_id AND s.is_enabled AND o.dead_at IS NOT NULL AND o.delivered_at IS NULL;

-- name: find_dead_letter
-- One dead letter of the sites that the caller may act on.
SELECT o.id, o.subscription_id, s.name AS subscription, s.is_enabled, s.kind, o.alert_id, o.alert_event_id,
       o.attempts, o.enqueued_at, o.attempted_at, o.dead_at, o.last_error, o.payload
FROM outbox o JOIN subscription s ON s.id = o.subscription_id
WHERE o.id = %(id)s AND o.dead_at IS NOT NULL AND o.delivered_at IS NULL
  AND (%(site_ids)s::bigint[] IS NULL OR s.site_id = ANY (%(site_ids)s));

-- name: page_dead_letters
-- Dead letters of the sites that the caller may act on, last died first.
SELECT o.id, o.subscription_id, s.name AS subscription, s.is_enabled, s.kind, o.alert_id, o.alert_event_id,
       o.attempts, o.enqueued_at, o.attempted_at, o.dead_at, o.last_error, o.payload
FROM outbox o JOIN subscription s ON s.id = o.subscription_id
WHERE o.dead_at IS NOT NULL AND o.delivered_at IS NULL
  AND (o.dead_at, o.id) < (%(before)s::timestamptz, %(before_id)s::uuid)
  AND (%(subscription_id)s::uuid IS NULL OR o.subscription_id = %(subscription_id)s)
  AND (%(site_ids)s::bigint[] IS NULL OR s.site_id = ANY (%(site_ids)s))
ORDER BY o.dead_at DESC, o.id DESC
LIMIT %(limit)s::integer;

-- name: count_outbox
-- How much waits and how much has died.
SELECT count(*) FILTER (WHERE dead_at IS NULL), count(*) FILTER (WHERE dead_at IS NOT NULL)
FROM outbox WHERE delivered_at IS NULL;
