-- name: retire_site
-- Take a site out of use, or bring it back.
UPDATE site SET retired_at = %(now)s::timestamptz, retired_reason = %(reason)s WHERE id = %(id)s::bigint;

-- name: retire_line
-- Take a line out of use, or bring it back.
UPDATE line SET retired_at = %(now)s::timestamptz, retired_reason = %(reason)s WHERE id = %(id)s::bigint;

-- name: retire_fleet
-- Take a fleet out of use, or bring it back.
UPDATE fleet SET retired_at = %(now)s::timestamptz, retired_reason = %(reason)s WHERE id = %(id)s::bigint;

-- name: retire_machines_of_place
-- Take the machines in use of a site, a line or a fleet out of use with it.
UPDATE machine m SET retired_at = %(now)s::timestamptz, retired_reason = %(reason)s, retired_with = %(kind)s::text,
    retired_with_id = %(id)s::bigint
WHERE m.retired_at IS NULL
  AND CASE %(kind)s::text WHEN 'site' THEN m.site_id = %(id)s::bigint WHEN 'line' THEN m.line_id = %(id)s::bigint
                          ELSE m.fleet = (SELECT f.key FROM fleet f WHERE f.id = %(id)s::bigint) END
RETURNING m.id, m.key;

-- name: hand_over_retired_machines
-- Machines that went out of use with a place that is back, and of which another place is out of use, remain so with that.
UPDATE machine m SET retired_with = other.kind, retired_with_id = other.id
FROM (
    SELECT 'site' AS kind, id, NULL AS key FROM site WHERE retired_at IS NOT NULL
    UNION ALL
    SELECT 'line', id, NULL FROM line WHERE retired_at IS NOT NULL
    UNION ALL
    SELECT 'fleet', id, key FROM fleet WHERE retired_at IS NOT NULL
) other
WHERE m.retired_with = %(kind)s::text AND m.retired_with_id = %(id)s::bigint
  AND CASE other.kind WHEN 'site' THEN m.site_id = other.id WHEN 'line' THEN m.line_id = other.id
                      ELSE m.fleet = other.key END;

-- name: restore_machines_of_place
-- Bring back the machines that went out of use with a place.
UPDATE machine SET retired_at = NULL, retired_reason = NULL, retired_with = NULL, retired_with_id = NULL
WHERE retired_with = %(kind)s::text AND retired_with_id = %(id)s::bigint
RETURNING id, key;

-- name: fetch_retired_places
-- Sites, lines with their site, and fleets out of use, since when.
SELECT 'site' AS kind, s.key AS key, NULL AS site, s.retired_at FROM site s WHERE s.retired_at IS NOT NULL
UNION ALL
SELECT 'line', l.key, s.key, l.retired_at FROM line l JOIN site s ON s.id = l.site_id WHERE l.retired_at IS NOT NULL
UNION ALL
SELECT 'fleet', f.key, NULL, f.retired_at FROM fleet f WHERE f.retired_at IS NOT NULL;
