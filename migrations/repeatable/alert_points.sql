-- The measurement points of an alert: as stored, or those in its evidence where the alert is older than that column.
CREATE OR REPLACE FUNCTION pdm_points(evidence jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(array_agg(DISTINCT point #>> '{}' ORDER BY point #>> '{}'), '{}')
    FROM jsonb_path_query(evidence, 'lax $.assessment.contributors[*].point ? (@.type() == "string")') AS point
$$;

CREATE OR REPLACE FUNCTION pdm_alert_points(a alert) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(a.points, pdm_points(a.evidence))
$$;
