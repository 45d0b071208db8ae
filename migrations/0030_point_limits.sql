-- serves: 0.1.0
-- What a measurement point can measure, as declared, in its unit: possible range, values that are no measurement, and
-- the largest change per second.

ALTER TABLE point
    ADD COLUMN lowest double precision,
    ADD COLUMN highest double precision,
    ADD COLUMN not_a_measurement double precision[],
    ADD COLUMN rate_limit double precision;
