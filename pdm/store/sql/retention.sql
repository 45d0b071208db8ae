-- name: fetch_feature_tables
-- The hypertables of features, of all versions.
SELECT hypertable_name FROM timescaledb_information.hypertables
WHERE hypertable_schema = 'public' AND starts_with(hypertable_name, 'feature_') ORDER BY hypertable_name;

-- name: drop_chunks
-- Drop the chunks created before the window, on the wall clock: an imported recording of years ago is kept as long
-- as one measured today. A chunk is created at its earliest row, so its length is added.
SELECT drop_chunks(
    %(relation)s::regclass,
    created_before => %(window)s::interval + (
        SELECT time_interval FROM timescaledb_information.dimensions
        WHERE hypertable_schema = 'public' AND hypertable_name = %(relation)s::text
    )
);

-- name: drop_receipts
-- Delete receipts older than the window.
DELETE FROM receipt WHERE received_at < now() - %(window)s::interval;
