-- name: fetch_applied_migrations
-- What has run in this database, with the checksum of the text that ran.
SELECT name, checksum FROM schema_migration;

-- name: remember_migration
-- A file has run, in the transaction in which it ran.
INSERT INTO schema_migration (name, checksum) VALUES (%(name)s, %(checksum)s)
ON CONFLICT (name) DO UPDATE SET checksum = EXCLUDED.checksum, applied_at = now();
