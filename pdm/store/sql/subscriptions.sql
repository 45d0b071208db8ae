-- name: insert_subscription
-- A new receiver of alerts.
INSERT INTO subscription (id, name, url, secret, site_id, min_severity)
VALUES (%(id)s::uuid, %(name)s::text, %(url)s::text, %(secret)s::text, %(site_id)s::bigint,
        %(min_severity)s::text);

-- name: find_subscription
-- One receiver; row-level security applies.
SELECT u.id, u.name, u.url, s.key AS site, u.min_severity, u.is_enabled, u.created_at
FROM subscription u LEFT JOIN site s ON s.id = u.site_id
WHERE u.id = %(id)s::uuid AND u.is_enabled;

-- name: page_subscriptions
-- Receivers that are told of alerts, newest first; row-level security applies.
SELECT u.id, u.name, u.url, s.key AS site, u.min_severity, u.is_enabled, u.created_at
FROM subscription u LEFT JOIN site s ON s.id = u.site_id
WHERE u.is_enabled AND (u.created_at, u.id) < (%(before)s::timestamptz, %(before_id)s::uuid)
ORDER BY u.created_at DESC, u.id DESC
LIMIT %(limit)s::integer;

-- name: disable_subscription
-- A receiver that is told nothing more; the row stays, for the outbox refers to it.
UPDATE subscription SET is_enabled = false WHERE id = %(id)s::uuid;
