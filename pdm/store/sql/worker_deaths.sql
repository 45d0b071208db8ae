-- name: note_worker_death
-- The failure of a worker's thread; entries older than 90 days are deleted.
WITH old AS (
    DELETE FROM worker_death WHERE died_at < now() - INTERVAL '90 days'
)
INSERT INTO worker_death (thread, error) VALUES (%(thread)s::text, %(error)s::text);
