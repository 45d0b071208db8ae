-- name: put_work_order
-- The work order of an alert; a repeated call updates it.
INSERT INTO work_order (alert_id, reference, url, status, actor, created_at, updated_at)
VALUES (%(alert_id)s, %(reference)s, %(url)s, %(status)s, %(actor)s, %(now)s, %(now)s)
ON CONFLICT (alert_id, reference) DO UPDATE SET
    url = coalesce(EXCLUDED.url, work_order.url), status = EXCLUDED.status, actor = EXCLUDED.actor,
    updated_at = EXCLUDED.updated_at
RETURNING alert_id, reference, url, status, created_at, updated_at, actor;

-- name: list_work_orders
-- The work orders of an alert, oldest first.
SELECT alert_id, reference, url, status, created_at, updated_at, actor FROM work_order
WHERE alert_id = %(alert_id)s
ORDER BY created_at, reference;
