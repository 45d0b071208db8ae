-- What the two editions of TimescaleDB do differently, under the same names and columns. Community (the
-- server says timescaledb.license = 'timescale') keeps hourly summaries as continuous aggregates and stores
-- what lies behind the reorder horizon by column; Apache reads the summaries from views.
-- Waveforms stay as they are: their payload is compressed already, and late ones must find room.
-- Windows of retention are settings, so that dropping old chunks is a job of the service on both editions.

CREATE FUNCTION pdm_make_hourly(name text, source text, keys text, columns text) RETURNS void
LANGUAGE plpgsql AS $make$
DECLARE
    body text := format(
        'SELECT %1$s, time_bucket(INTERVAL ''1 hour'', measured_at) AS bucket, count(*) AS acquisitions, %2$s '
        'FROM %3$I GROUP BY %1$s, time_bucket(INTERVAL ''1 hour'', measured_at)', keys, columns, source);
BEGIN
    IF current_setting('timescaledb.license') = 'timescale' THEN
        EXECUTE format('CREATE MATERIALIZED VIEW %I WITH (timescaledb.continuous, '
                       'timescaledb.materialized_only = false) AS %s WITH NO DATA', name, body);
        PERFORM add_continuous_aggregate_policy(name::regclass, start_offset => INTERVAL '30 days',
                                                end_offset => INTERVAL '2 hours',
                                                schedule_interval => INTERVAL '1 hour');
    ELSE
        EXECUTE format('CREATE VIEW %I AS %s', name, body);
    END IF;
END $make$;

SELECT pdm_make_hourly('feature_vibration_hourly', 'feature_vibration_v1', 'point_id, feature_version',
    'avg(rms) AS rms_mean, max(rms) AS rms_max, avg(velocity_rms) AS velocity_rms_mean, '
    'max(velocity_rms) AS velocity_rms_max, avg(envelope_rms) AS envelope_rms_mean, '
    'max(envelope_rms) AS envelope_rms_max, max(kurtosis) AS kurtosis_max, max(peak) AS peak_max');
SELECT pdm_make_hourly('feature_current_hourly', 'feature_current_v1', 'point_id, feature_version',
    'avg(rms) AS rms_mean, max(rms) AS rms_max, avg(total_harmonic_distortion) AS total_harmonic_distortion_mean, '
    'max(broken_bar_index) AS broken_bar_index_max, max(current_unbalance) AS current_unbalance_max');
SELECT pdm_make_hourly('assessment_hourly', 'assessment', 'machine_id',
    'min(health) AS health_min, avg(health) AS health_mean, max(zone) AS zone_worst');
DROP FUNCTION pdm_make_hourly;

DO $$
DECLARE
    relation text;
    segment text;
BEGIN
    IF current_setting('timescaledb.license') <> 'timescale' THEN
        RETURN;
    END IF;
    FOR relation, segment IN VALUES
        ('acquisition', 'machine_id'), ('scalar', 'point_id'), ('feature_vibration_v1', 'point_id'),
        ('feature_current_v1', 'point_id'), ('assessment', 'machine_id'), ('prognosis', 'machine_id')
    LOOP
        EXECUTE format('ALTER TABLE %I SET (timescaledb.compress, timescaledb.compress_segmentby = %L)',
                       relation, segment);
        PERFORM add_compression_policy(relation::regclass, INTERVAL '30 days');
    END LOOP;
END $$;
