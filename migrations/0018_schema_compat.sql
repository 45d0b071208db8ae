-- serves: 0.1.0
-- Which code may serve this schema: of each migration the oldest version that still may after it. Whoever migrates
-- writes its row together with the migration; readiness compares. From here on migrations only add.

CREATE TABLE schema_compat (
    migration    text PRIMARY KEY REFERENCES schema_migration (name),
    oldest_code  text NOT NULL,                         -- version of pdm, such as 0.1.0
    recorded_at  timestamptz NOT NULL DEFAULT now()
);

INSERT INTO schema_compat (migration, oldest_code)
SELECT name, '0.1.0' FROM schema_migration WHERE name NOT LIKE 'repeatable/%';
