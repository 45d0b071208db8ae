-- name: fetch_applied_migrations
-- Applied files of this database, with their checksums.
SELECT name, checksum FROM schema_migration;

-- name: remember_migration
-- Record an applied file, in the transaction of the file.
INSERT INTO schema_migration (name, checksum) VALUES (%(name)s, %(checksum)s)
ON CONFLICT (name) DO UPDATE SET checksum = EXCLUDED.checksum, applied_at = now();

-- name: remember_schema_compat
-- Record the oldest code that may serve after a migration, in the transaction of the file.
INSERT INTO schema_compat (migration, oldest_code) VALUES (%(name)s, %(oldest_code)s)
ON CONFLICT (migration) DO UPDATE SET oldest_code = EXCLUDED.oldest_code, recorded_at = now();

-- name: fetch_schema_compat
-- The oldest code that may serve after each migration.
SELECT migration, oldest_code FROM schema_compat;
