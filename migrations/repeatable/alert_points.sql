-- The measurement points that an alert rests on: as stored, or those of its evidence where
-- the alert is from before they were stored.
CREATE OR REPLACE FUNCTION pdm_points(evidence jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(array_agg(DISTINCT point #>> '{}' ORDER BY point #>> '{}'), '{}')
    FROM jsonb_path_query(evidence, 'lax $.assessment.contributors[*].point ? (@.type() == "string")') AS point
$$;

CREATE OR REPLACE FUNCTION pdm_alert_points(a alert) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(a.points, pdm_points(a.evidence))
$$;
