-- name: fetch_feature_tables
-- The hypertables of features, whatever versions there are.
SELECT hypertable_name FROM timescaledb_information.hypertables
WHERE hypertable_schema = 'public' AND starts_with(hypertable_name, 'feature_') ORDER BY hypertable_name;

-- name: drop_chunks
-- Drop the chunks made before the window, on the wall clock: an imported recording of years ago stays as long
-- as one measured today. A chunk is made at its earliest row, so its own length is added.
SELECT drop_chunks(
    %(relation)s::regclass,
    created_before => %(window)s::interval + (
        SELECT time_interval FROM timescaledb_information.dimensions
        WHERE hypertable_schema = 'public' AND hypertable_name = %(relation)s::text
    )
);

-- name: drop_receipts
-- Forget receipts older than the window.
DELETE FROM receipt WHERE received_at < now() - %(window)s::interval;
