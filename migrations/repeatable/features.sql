-- Present features: the newest version for each point and time, so that rows of several versions are not counted
-- twice. In the hourly views an hour of one version is read from its summary; an hour of several versions, in which
-- some times may have both, from its rows. Created again when the columns change: catalogue version 2.

DROP VIEW IF EXISTS newest_feature_vibration_hourly, newest_feature_current_hourly,
    newest_feature_vibration, newest_feature_current;

CREATE VIEW newest_feature_vibration AS
SELECT DISTINCT ON (point_id, measured_at) * FROM feature_vibration_v1
ORDER BY point_id DESC, measured_at DESC, feature_version DESC;

CREATE VIEW newest_feature_current AS
SELECT DISTINCT ON (point_id, measured_at) * FROM feature_current_v1
ORDER BY point_id DESC, measured_at DESC, feature_version DESC;

CREATE VIEW newest_feature_vibration_hourly AS
WITH summary AS (
    SELECT *, count(*) OVER (PARTITION BY point_id, bucket) AS versions FROM feature_vibration_hourly
)
SELECT point_id, bucket, acquisitions, rms_mean, rms_max, velocity_rms_mean, velocity_rms_max, envelope_rms_mean,
       envelope_rms_max, kurtosis_max, peak_max
FROM summary WHERE versions = 1
UNION ALL
SELECT mixed.point_id, mixed.bucket, row.*
FROM (SELECT DISTINCT point_id, bucket FROM summary WHERE versions > 1) mixed
CROSS JOIN LATERAL (
    SELECT count(*) AS acquisitions, avg(rms) AS rms_mean, max(rms) AS rms_max,
           avg(velocity_rms) AS velocity_rms_mean, max(velocity_rms) AS velocity_rms_max,
           avg(envelope_rms) AS envelope_rms_mean, max(envelope_rms) AS envelope_rms_max,
           max(kurtosis) AS kurtosis_max, max(peak) AS peak_max
    FROM newest_feature_vibration n
    WHERE n.point_id = mixed.point_id AND n.measured_at >= mixed.bucket
      AND n.measured_at < mixed.bucket + INTERVAL '1 hour'
) row;

CREATE VIEW newest_feature_current_hourly AS
WITH summary AS (
    SELECT *, count(*) OVER (PARTITION BY point_id, bucket) AS versions FROM feature_current_hourly
)
SELECT point_id, bucket, acquisitions, rms_mean, rms_max, total_harmonic_distortion_mean, broken_bar_index_max,
       current_unbalance_max
FROM summary WHERE versions = 1
UNION ALL
SELECT mixed.point_id, mixed.bucket, row.*
FROM (SELECT DISTINCT point_id, bucket FROM summary WHERE versions > 1) mixed
CROSS JOIN LATERAL (
    SELECT count(*) AS acquisitions, avg(rms) AS rms_mean, max(rms) AS rms_max,
           avg(total_harmonic_distortion) AS total_harmonic_distortion_mean,
           max(broken_bar_index) AS broken_bar_index_max, max(current_unbalance) AS current_unbalance_max
    FROM newest_feature_current n
    WHERE n.point_id = mixed.point_id AND n.measured_at >= mixed.bucket
      AND n.measured_at < mixed.bucket + INTERVAL '1 hour'
) row;
