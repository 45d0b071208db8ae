-- serves: 0.1.0
-- Machines and measurement points out of use, and the sensors that a point had before.

ALTER TABLE machine ADD COLUMN retired_at timestamptz;
ALTER TABLE machine ADD COLUMN retired_reason text;
ALTER TABLE point ADD COLUMN retired_at timestamptz;
ALTER TABLE point ADD COLUMN retired_reason text;

-- A sensor that measured at a point until `replaced_at`, on the machine's timeline.
CREATE TABLE replaced_sensor (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    machine_id    bigint NOT NULL REFERENCES machine,
    point_id      bigint NOT NULL REFERENCES point,
    replaced_at   timestamptz NOT NULL,
    sampling_rate double precision,                    -- Hz; NULL: the point reports scalars
    reason        text NOT NULL,
    actor         text NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (point_id, replaced_at)
);
