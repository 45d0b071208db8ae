-- name: fetch_applied_migrations
-- What has run in this database, with the checksum of the text that ran.
SELECT name, checksum FROM schema_migration;

-- name: remember_migration
-- A file has run, in the transaction in which it ran.
INSERT INTO schema_migration (name, checksum) VALUES (%(name)s, %(checksum)s)
ON CONFLICT (name) DO UPDATE SET checksum = EXCLUDED.checksum, applied_at = now();

-- name: remember_schema_compat
-- The oldest code that may serve after a migration, in the transaction in which it ran.
INSERT INTO schema_compat (migration, oldest_code) VALUES (%(name)s, %(oldest_code)s)
ON CONFLICT (migration) DO UPDATE SET oldest_code = EXCLUDED.oldest_code, recorded_at = now();

-- name: fetch_schema_compat
-- Which code may serve after each migration.
SELECT migration, oldest_code FROM schema_compat;
