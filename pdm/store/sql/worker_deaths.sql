-- name: note_worker_death
-- A thread of a worker died; those of more than 90 days ago are forgotten.
WITH old AS (
    DELETE FROM worker_death WHERE died_at < now() - INTERVAL '90 days'
)
INSERT INTO worker_death (thread, error) VALUES (%(thread)s::text, %(error)s::text);
