-- The measurement points in the evidence of an alert.
CREATE OR REPLACE FUNCTION pdm_points(evidence jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(array_agg(DISTINCT point #>> '{}' ORDER BY point #>> '{}'), '{}')
    FROM jsonb_path_query(evidence, 'lax $.assessment.contributors[*].point ? (@.type() == "string")') AS point
$$;
