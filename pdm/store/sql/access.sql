-- name: find_key
-- The valid key with this hash, and its permissions.
SELECT id, name, role, site_ids FROM api_key WHERE hash = %(hash)s::bytea AND revoked_at IS NULL;

-- name: insert_key
-- A new key; no row if the name is in use.
INSERT INTO api_key (name, role, site_ids, hash)
VALUES (%(name)s::text, %(role)s::text, %(site_ids)s::bigint[], %(hash)s::bytea)
ON CONFLICT (name) DO NOTHING
RETURNING id, name, role, site_ids, created_at, revoked_at;

-- name: list_keys
-- All keys, newest first, without their hashes.
SELECT k.id, k.name, k.role, k.created_at, k.revoked_at,
       CASE WHEN k.site_ids IS NULL THEN NULL
            ELSE ARRAY(SELECT s.key FROM site s WHERE s.id = ANY (k.site_ids) ORDER BY s.key) END AS sites
FROM api_key k
WHERE k.id < %(before)s::bigint
ORDER BY k.id DESC
LIMIT %(limit)s::integer;

-- name: revoke_key
-- Revoke a key.
UPDATE api_key SET revoked_at = coalesce(revoked_at, now()) WHERE id = %(id)s::bigint RETURNING name;

-- name: count_live_admins
-- The number of valid admin keys of every site.
SELECT count(*) AS admins FROM api_key WHERE role = 'admin' AND site_ids IS NULL AND revoked_at IS NULL;

-- name: find_sites
-- The ids of visible sites by their keys, or by those that they had.
SELECT key, id FROM site WHERE key = ANY (%(keys)s::text[])
UNION
SELECT r.former_key, r.object_id FROM renaming r WHERE r.kind = 'site' AND r.former_key = ANY (%(keys)s::text[]);

-- name: insert_audit
-- User and object of a change.
INSERT INTO audit (actor, action, target, detail)
VALUES (%(actor)s::text, %(action)s::text, %(target)s::text, %(detail)s::jsonb);

-- name: limit_to_sites
-- The sites visible through row-level security until the transaction ends.
SELECT set_config('pdm.sites', %(sites)s::text, true);
