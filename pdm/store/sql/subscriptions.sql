-- name: insert_subscription
-- A new receiver of alerts.
INSERT INTO subscription (id, name, kind, url, secret, site_id, min_severity, payload, config, credentials, pacing,
                          refresh_at)
VALUES (%(id)s::uuid, %(name)s::text, %(kind)s::text, %(url)s::text, %(secret)s::text, %(site_id)s::bigint,
        %(min_severity)s::text, %(payload)s::text, %(config)s::jsonb, %(credentials)s::jsonb, %(pacing)s::jsonb,
        %(refresh_at)s::timestamptz);

-- name: find_subscription
-- One receiver; row-level security applies.
SELECT u.id, u.name, u.kind, u.url, s.key AS site, u.min_severity, u.payload, u.config, u.pacing, u.is_enabled,
       u.created_at
FROM subscription u LEFT JOIN site s ON s.id = u.site_id
WHERE u.id = %(id)s::uuid AND u.is_enabled;

-- name: page_subscriptions
-- Active receivers of alerts, newest first; row-level security applies.
SELECT u.id, u.name, u.kind, u.url, s.key AS site, u.min_severity, u.payload, u.config, u.pacing, u.is_enabled,
       u.created_at
FROM subscription u LEFT JOIN site s ON s.id = u.site_id
WHERE u.is_enabled AND (u.created_at, u.id) < (%(before)s::timestamptz, %(before_id)s::uuid)
ORDER BY u.created_at DESC, u.id DESC
LIMIT %(limit)s::integer;

-- name: disable_subscription
-- Remove a receiver; the row is kept without its secrets, because the outbox refers to it.
UPDATE subscription SET is_enabled = false, secret = '', credentials = '{}' WHERE id = %(id)s::uuid;

-- name: find_receiver
-- Address and kind of a receiver with its secrets: only for senders, never for responses.
SELECT id, name, kind, url, secret, payload, config, credentials, pacing
FROM subscription WHERE id = %(id)s::uuid AND is_enabled;
